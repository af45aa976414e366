//! The shape of one sample, without the batch dimension.

use serde::{Deserialize, Serialize};

/// Sizes of one sample's dimensions: `[channels, height, width]` of an image, `[features]` of a table row.
/// Shown as `32 x 28 x 28`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Dims(pub Vec<usize>);

impl Dims {
    /// Product of the sizes, or `None` where it does not fit in a `usize` (candle would wrap it to a tensor
    /// of zero elements, candle#3816).
    #[must_use]
    pub fn checked_elements(&self) -> Option<usize> {
        self.0.iter().try_fold(1_usize, |product, &size| product.checked_mul(size))
    }

    /// Product of the sizes, `usize::MAX` where it does not fit.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.checked_elements().unwrap_or(usize::MAX)
    }

    /// The sizes with the batch in front.
    #[must_use]
    pub fn with_batch(&self, batch: usize) -> Vec<usize> {
        std::iter::once(batch).chain(self.0.iter().copied()).collect()
    }
}

impl<const N: usize> From<[usize; N]> for Dims {
    fn from(sizes: [usize; N]) -> Self {
        Self(sizes.to_vec())
    }
}

impl From<&[usize]> for Dims {
    fn from(sizes: &[usize]) -> Self {
        Self(sizes.to_vec())
    }
}

impl std::fmt::Display for Dims {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (position, size) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(" x ")?;
            }
            write!(f, "{size}")?;
        }
        Ok(())
    }
}
