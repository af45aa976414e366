//! From tensors on the CPU to slices and back, without copies.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ops::Deref;

use candle_core::{CpuStorage, Device, Error, InplaceOp1, Layout, Result, Shape, Storage, Tensor, WithDType};

/// The values of a contiguous tensor on the CPU, borrowed.
///
/// # Errors
/// If the tensor lies elsewhere, has other strides or another type.
pub(crate) fn values<T: WithDType>(tensor: &Tensor) -> Result<impl Deref<Target = [T]> + '_> {
    let (storage, layout) = tensor.storage_and_layout();
    let Some((start, end)) = layout.contiguous_offsets() else {
        return Err(Error::Msg("a kernel needs a contiguous tensor".to_owned()).bt());
    };
    let values = Values { storage, start, end, kind: PhantomData::<T> };
    // Fails here, so that `deref` can't.
    let cpu = values.cpu().ok_or_else(|| Error::Msg("a kernel needs a tensor on the CPU".to_owned()).bt())?;
    cpu.as_slice::<T>()?;
    Ok(values)
}

/// The lock on a storage, seen as its values.
struct Values<S, T> {
    storage: S,
    start: usize,
    end: usize,
    kind: PhantomData<T>,
}

impl<S: Deref<Target = Storage>, T> Values<S, T> {
    fn cpu(&self) -> Option<&CpuStorage> {
        match &*self.storage {
            Storage::Cpu(cpu) => Some(cpu),
            _ => None,
        }
    }
}

impl<S: Deref<Target = Storage>, T: WithDType> Deref for Values<S, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        let slice = self.cpu().and_then(|cpu| cpu.as_slice::<T>().ok());
        slice.and_then(|slice| slice.get(self.start..self.end)).unwrap_or_default()
    }
}

/// Lets `work` write to the values of contiguous tensors on the CPU. Whatever shares memory with one of them changes too,
/// and no two of them may share memory with each other.
///
/// # Errors
/// If a tensor lies elsewhere, has other strides or another type.
pub(crate) fn edit<T: Editable>(tensors: &[&Tensor], work: &mut dyn FnMut(&mut [&mut [T]])) -> Result<()> {
    edit_rest(tensors, Vec::new(), work)
}

/// Opens one tensor after the other; each stays open while the rest is.
fn edit_rest<'v, T: Editable>(
    tensors: &[&Tensor],
    mut open: Vec<&'v mut [T]>,
    work: &mut dyn FnMut(&mut [&mut [T]]),
) -> Result<()> {
    let Some((first, rest)) = tensors.split_first() else {
        work(&mut open);
        return Ok(());
    };
    let go_on = |values: &mut [T]| {
        let mut open: Vec<&mut [T]> = open;
        open.push(values);
        edit_rest(rest, open, work)
    };
    first.inplace_op1(&Edit { work: Cell::new(Some(go_on)), kind: PhantomData })
}

/// A number type that the kernels write.
pub(crate) trait Editable: WithDType {
    /// The values of a storage of this type.
    fn of(storage: &mut CpuStorage) -> Option<&mut [Self]>;
}

impl Editable for f32 {
    fn of(storage: &mut CpuStorage) -> Option<&mut [Self]> {
        if let CpuStorage::F32(values) = storage { Some(values) } else { None }
    }
}

impl Editable for f64 {
    fn of(storage: &mut CpuStorage) -> Option<&mut [Self]> {
        if let CpuStorage::F64(values) = storage { Some(values) } else { None }
    }
}

/// Writes in place, once.
struct Edit<F, T> {
    work: Cell<Option<F>>,
    kind: PhantomData<T>,
}

impl<T: Editable, F: FnOnce(&mut [T]) -> Result<()>> InplaceOp1 for Edit<F, T> {
    fn name(&self) -> &'static str {
        "edit"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let values = layout.contiguous_offsets().and_then(|(start, end)| T::of(storage)?.get_mut(start..end));
        match (values, self.work.take()) {
            (Some(values), Some(work)) => work(values),
            _ => Err(Error::Msg("only contiguous tensors of one type are edited in place".to_owned()).bt()),
        }
    }
}

/// A tensor on the CPU that takes over these values.
///
/// # Errors
/// If their number does not fit the shape.
pub(crate) fn tensor<T: WithDType>(values: Vec<T>, shape: impl Into<Shape>) -> Result<Tensor> {
    Tensor::from_vec(values, shape.into(), &Device::Cpu)
}

/// Runs the body with `$T` as the number type of a tensor.
macro_rules! with_type {
    ($tensor:expr, $T:ident => $body:expr) => {
        match $tensor.dtype() {
            candle_core::DType::F32 => {
                type $T = f32;
                $body
            }
            candle_core::DType::F64 => {
                type $T = f64;
                $body
            }
            other => Err(candle_core::Error::Msg(format!("the kernels work in f32 and f64, not in {other:?}")).bt()),
        }
    };
}
pub(crate) use with_type;
