//! Windows that slide over images.

/// The window of a convolution: `[height, width]` of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Size of the filter.
    pub kernel: [usize; 2],
    /// Step of the filter.
    pub stride: [usize; 2],
    /// Zeros around the image on each side.
    pub padding: [usize; 2],
    /// Distance between the pixels that the filter sees.
    pub dilation: [usize; 2],
}

/// The window of a pool: `[height, width]` of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolWindow {
    /// Size of the window.
    pub kernel: [usize; 2],
    /// Step of the window.
    pub stride: [usize; 2],
    /// Empty places around the image on each side, at most half the kernel.
    pub padding: [usize; 2],
    /// Distance between the pixels that the window sees.
    pub dilation: [usize; 2],
    /// Whether a last window may stick out of the image.
    pub ceil_mode: bool,
}

impl Window {
    /// Height and width of the output for an image of `size`; 0 where the kernel is larger than the padded image.
    pub fn output(&self, size: [usize; 2]) -> [usize; 2] {
        [0, 1].map(|axis| {
            let extent = (self.kernel[axis].max(1) - 1) * self.dilation[axis] + 1;
            let padded = size[axis] + 2 * self.padding[axis];
            if extent > padded { 0 } else { (padded - extent) / self.stride[axis].max(1) + 1 }
        })
    }
}

impl PoolWindow {
    /// Height and width of the output for an image of `size`, with PyTorch's rule for the last window in ceil mode: it
    /// must start inside the image or its left padding.
    pub fn output(&self, size: [usize; 2]) -> [usize; 2] {
        let Self { kernel, stride, padding, dilation, ceil_mode } = *self;
        [0, 1].map(|axis| {
            let (stride, padded) = (stride[axis].max(1), size[axis] + 2 * padding[axis]);
            let extent = (kernel[axis].max(1) - 1) * dilation[axis] + 1;
            if extent > padded {
                return 0;
            }
            let room = padded - extent;
            let count = room / stride + 1;
            let sticks_out = ceil_mode && room % stride != 0 && count * stride < size[axis] + padding[axis];
            count + usize::from(sticks_out)
        })
    }
}

/// By what the sum of an average pool's window is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Divisor {
    /// The places of the window that lie in the padded image.
    WithPadding,
    /// Those that lie in the image.
    Inside,
    /// Always the same number.
    Fixed(usize),
}

impl Divisor {
    /// The part that one axis has in it.
    pub fn along(self, window: PoolWindow, axis: usize, at: usize, size: usize) -> usize {
        let (kernel, padding) = (window.kernel[axis], window.padding[axis]);
        // In coordinates that start with the left padding.
        let start = at * window.stride[axis];
        let end = (start + kernel).min(size + 2 * padding);
        match self {
            Self::WithPadding => end.saturating_sub(start),
            Self::Inside => end.min(size + padding).saturating_sub(start.max(padding)),
            Self::Fixed(divisor) => {
                if axis == 0 {
                    divisor
                } else {
                    1
                }
            }
        }
    }
}
