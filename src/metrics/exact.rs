//! Floating point numbers in JSON without loss: as the bits of the number, because JSON knows neither NaN nor infinity.

use serde::{Deserialize as _, Deserializer, Serializer};

/// Writes the bits.
///
/// # Errors
/// What the serializer says.
pub fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(value.to_bits())
}

/// Reads the bits.
///
/// # Errors
/// If there is no number.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    u64::deserialize(deserializer).map(f64::from_bits)
}

/// Reads a plain number, NaN where a file has `null`.
///
/// # Errors
/// If there is something else.
pub fn null_is_nan<'de, D: Deserializer<'de>, T: From<f32> + serde::Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_else(|| T::from(f32::NAN)))
}
