//! The inner loops of convolutions, for the vector instructions that the processor has.
//!
//! Each is written once over [`super::lanes::Vector`] and compiled for AVX-512, AVX2 with fused multiply-add, and plain arrays. The
//! sums of a tile stay in registers: eight filters by three vectors of pixels where there are 32 registers, four by three
//! where there are 16.

use super::float::Float;
use super::lanes::{Plain, Vector};
use super::winograd::inner::{self, Places, Strip, Way};

/// Vectors of pixels in a tile.
pub const ACROSS: usize = 3;

/// Vectors of filters whose gradients are summed at once.
const FILTERS: usize = 2;

/// Room for the most places and filters whose gradients are summed at once.
pub const LARGEST_SUMS: usize = 9 * FILTERS * 16;

/// The most filters of a tile.
pub const LARGEST_FILTERS: usize = 8;

/// Room for the largest tile: three vectors of 16 for each filter.
pub const LARGEST_TILE: usize = LARGEST_FILTERS * ACROSS * 16;

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{__m256, __m512};

    use super::{Places, Run, Strip, Way, gradients, inner, tile};

    macro_rules! variant {
        ($features:literal, [$tile:ident, $gradients:ident, $transform:ident, $outputs:ident], $Vector:ty,
         $filters:literal, $places:literal) => {
            #[target_feature(enable = $features)]
            #[expect(unsafe_code, reason = "the inner loop reads without checks")]
            pub(super) unsafe fn $tile(weights: *const f32, taps: &[usize], image: *const f32, out: *mut f32) {
                // SAFETY: as promised by the caller; the instructions are enabled. So for all below.
                unsafe { tile::<f32, $Vector, $filters>(weights, taps, image, out) }
            }

            #[target_feature(enable = $features)]
            #[expect(unsafe_code, reason = "the inner loop reads without checks")]
            pub(super) unsafe fn $gradients(
                grads: *const f32,
                image: *const f32,
                places: &[usize],
                runs: &[Run],
                sums: *mut f32,
            ) {
                // SAFETY: as above.
                unsafe { gradients::<f32, $Vector, $places>(grads, image, places, runs, sums) }
            }

            #[target_feature(enable = $features)]
            #[expect(unsafe_code, reason = "the inner loop reads without checks")]
            pub(super) unsafe fn $transform(strips: &[Strip], places: &Places<f32>, way: Way) {
                // SAFETY: as above.
                unsafe { inner::transform::<f32, $Vector>(strips, places, way) }
            }

            #[target_feature(enable = $features)]
            #[expect(unsafe_code, reason = "the inner loop reads without checks")]
            pub(super) unsafe fn $outputs(
                sums: *const f32,
                stride: usize,
                vectors: usize,
                bias: f32,
                rows: [*mut f32; 2],
            ) {
                // SAFETY: as above.
                unsafe { inner::outputs::<f32, $Vector>(sums, stride, vectors, bias, rows) }
            }
        };
    }

    variant!("avx512f,avx2,fma", [tile512, gradients512, transform512, outputs512], __m512, 8, 9);
    variant!("avx2,fma", [tile256, gradients256, transform256, outputs256], __m256, 4, 6);
}

type Tile<T> = unsafe fn(*const T, &[usize], *const T, *mut T);
type Gradients<T> = unsafe fn(*const T, *const T, &[usize], &[Run], *mut T);
type Transform<T> = unsafe fn(&[Strip], &Places<T>, Way);
type Outputs<T> = unsafe fn(*const T, usize, usize, T, [*mut T; 2]);

/// Pixels side by side: the first one, and how many.
pub type Run = [usize; 2];

/// The inner loops in one variant.
#[derive(Debug, Clone, Copy)]
pub struct Kernels<T> {
    /// What it is called.
    pub name: &'static str,
    /// Filters of a tile.
    pub filters: usize,
    /// Pixels of a tile.
    pub pixels: usize,
    /// Places whose gradients are summed at once.
    pub places: usize,
    tile: Tile<T>,
    gradients: Gradients<T>,
    pub(super) transform: Transform<T>,
    pub(super) outputs: Outputs<T>,
}

/// Where the filter finds its values, counted from the pixel, and how far it reaches.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    places: Vec<usize>,
    furthest: usize,
}

impl Reach {
    /// These places.
    pub fn new(places: Vec<usize>) -> Self {
        let furthest = places.iter().copied().max().unwrap_or(0);
        Self { places, furthest }
    }

    /// The places.
    pub fn places(&self) -> &[usize] {
        &self.places
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

impl<T: Float> Kernels<T> {
    /// For every processor.
    pub const PLAIN: Self = Self {
        name: "plain",
        filters: 4,
        pixels: 4 * ACROSS,
        places: 6,
        tile: tile::<T, Plain<T, 4>, 4>,
        gradients: gradients::<T, Plain<T, 4>, 6>,
        transform: inner::transform::<T, Plain<T, 4>>,
        outputs: inner::outputs::<T, Plain<T, 4>>,
    };

    /// A tile of outputs, `[filters, pixels]`: `weights` holds the values of all filters of the tile for one place after
    /// the other, `image` starts at the first pixel.
    pub fn tile(&self, weights: &[T], reach: &Reach, image: &[T], out: &mut [T]) {
        assert!(weights.len() >= reach.len() * self.filters, "every place needs the weights of all filters");
        assert!(image.len() >= reach.furthest + self.pixels, "the filter must stay inside the image");
        assert!(out.len() >= self.filters * self.pixels, "the tile must fit");
        // SAFETY: all reads and writes are inside the slices, as just asserted; whoever has this variant found its
        // instructions.
        #[expect(unsafe_code, reason = "the inner loop reads without checks")]
        unsafe {
            (self.tile)(weights.as_ptr(), &reach.places, image.as_ptr(), out.as_mut_ptr());
        }
    }

    /// Filters whose gradients are summed at once.
    pub fn gradient_filters(&self) -> usize {
        self.pixels / ACROSS * FILTERS
    }

    /// Adds to `sums`, `[places, filters]`, the products of the gradients of a few filters, `[pixels, filters]`, with
    /// what they see of the image at some places, for all pixels of the runs.
    pub fn gradients(&self, grads: &[T], image: &[T], places: &[usize], runs: &[Run], sums: &mut [T]) {
        let filters = self.gradient_filters();
        let pixels: usize = runs.iter().map(|run| run[1]).sum();
        let end = runs.iter().map(|run| run[0] + run[1]).max().unwrap_or(0);
        let furthest = places.iter().copied().max().unwrap_or(0);
        assert!(places.len() == self.places && sums.len() >= self.places * filters, "the sums must fit");
        assert!(grads.len() >= pixels * filters, "every pixel needs the gradients of all filters");
        assert!(image.len() >= furthest + end, "the filter must stay inside the image");
        // SAFETY: as in `tile`.
        #[expect(unsafe_code, reason = "the inner loop reads without checks")]
        unsafe {
            (self.gradients)(grads.as_ptr(), image.as_ptr(), places, runs, sums.as_mut_ptr());
        }
    }
}

impl Kernels<f32> {
    /// The variants that this processor can run, the fastest first.
    pub fn variants() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx512f") && std::arch::is_x86_feature_detected!("fma") {
                let (tile, gradients) = (x86::tile512 as Tile<f32>, x86::gradients512 as Gradients<f32>);
                let (transform, outputs) = (x86::transform512 as Transform<f32>, x86::outputs512 as Outputs<f32>);
                all.push(Self {
                    name: "AVX-512",
                    filters: 8,
                    pixels: 16 * ACROSS,
                    places: 9,
                    tile,
                    gradients,
                    transform,
                    outputs,
                });
            }
            if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
                let (tile, gradients) = (x86::tile256 as Tile<f32>, x86::gradients256 as Gradients<f32>);
                let (transform, outputs) = (x86::transform256 as Transform<f32>, x86::outputs256 as Outputs<f32>);
                all.push(Self {
                    name: "AVX2",
                    filters: 4,
                    pixels: 8 * ACROSS,
                    places: 6,
                    tile,
                    gradients,
                    transform,
                    outputs,
                });
            }
        }
        all.push(Self::PLAIN);
        all
    }
}

/// See [`Kernels::tile`].
///
/// # Safety
/// `weights`, `image` and `out` must reach as far as [`Kernels::tile`] asserts.
#[inline(always)]
#[expect(unsafe_code, reason = "the inner loop reads without checks")]
unsafe fn tile<T: Float, V: Vector<T>, const FILTERS: usize>(
    weights: *const T,
    places: &[usize],
    image: *const T,
    out: *mut T,
) {
    // SAFETY: as promised by the caller.
    unsafe {
        let mut sums = [[V::zero(); ACROSS]; FILTERS];
        let mut weights = weights;
        for &place in places {
            let from = image.add(place);
            let x: [V; ACROSS] = [V::load(from), V::load(from.add(V::LANES)), V::load(from.add(2 * V::LANES))];
            for (filter, sums) in sums.iter_mut().enumerate() {
                let weight = V::splat(*weights.add(filter));
                sums[0] = weight.times_plus(x[0], sums[0]);
                sums[1] = weight.times_plus(x[1], sums[1]);
                sums[2] = weight.times_plus(x[2], sums[2]);
            }
            weights = weights.add(FILTERS);
        }
        for (filter, sums) in sums.into_iter().enumerate() {
            for (at, sum) in sums.into_iter().enumerate() {
                sum.store(out.add((filter * ACROSS + at) * V::LANES));
            }
        }
    }
}

/// See [`Kernels::gradients`].
///
/// # Safety
/// `grads`, `image`, `places` and `sums` must reach as far as [`Kernels::gradients`] asserts.
#[inline(always)]
#[expect(unsafe_code, reason = "the inner loop reads without checks")]
unsafe fn gradients<T: Float, V: Vector<T>, const PLACES: usize>(
    grads: *const T,
    image: *const T,
    places: &[usize],
    runs: &[Run],
    out: *mut T,
) {
    // SAFETY: as promised by the caller.
    unsafe {
        let mut sums = [[V::zero(); FILTERS]; PLACES];
        let mut images = [image; PLACES];
        for (image, &place) in images.iter_mut().zip(places) {
            *image = image.add(place);
        }
        let mut grads = grads;
        for &[first, len] in runs {
            for pixel in first..first + len {
                let grad = [V::load(grads), V::load(grads.add(V::LANES))];
                for (sums, image) in sums.iter_mut().zip(images) {
                    let x = V::splat(*image.add(pixel));
                    sums[0] = x.times_plus(grad[0], sums[0]);
                    sums[1] = x.times_plus(grad[1], sums[1]);
                }
                grads = grads.add(FILTERS * V::LANES);
            }
        }
        let one = V::splat(T::ONE);
        for (place, sums) in sums.into_iter().enumerate() {
            for (at, sum) in sums.into_iter().enumerate() {
                let out = out.add((place * FILTERS + at) * V::LANES);
                sum.times_plus(one, V::load(out)).store(out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: usize, factor: f32) -> Vec<f32> {
        (0..count).map(|index| (index as f32 * factor).sin()).collect()
    }

    #[test]
    fn every_variant_sums_the_tile_that_one_counts() {
        let image = values(400, 0.7);
        let reach = Reach::new(vec![0, 1, 2, 17, 18, 19, 300, 7]);
        for kernels in Kernels::<f32>::variants() {
            let weights = values(reach.len() * kernels.filters, 0.3);
            let mut out = vec![f32::NAN; LARGEST_TILE];
            kernels.tile(&weights, &reach, &image, &mut out);
            for filter in 0..kernels.filters {
                for pixel in 0..kernels.pixels {
                    let terms = reach.places.iter().enumerate();
                    let expect: f64 = terms
                        .map(|(at, place)| {
                            f64::from(weights[at * kernels.filters + filter]) * f64::from(image[place + pixel])
                        })
                        .sum();
                    let found = f64::from(out[filter * kernels.pixels + pixel]);
                    assert!((found - expect).abs() < 1e-6, "{} {filter} {pixel}: {found} {expect}", kernels.name);
                }
            }
        }
    }

    #[test]
    fn every_variant_adds_the_gradients_that_one_counts() {
        let (image, grads) = (values(400, 0.7), values(13 * 32, 0.2));
        let all = [0, 1, 2, 30, 31, 200, 7, 8, 300];
        let runs = [[5, 8], [20, 5]];
        for kernels in Kernels::<f32>::variants() {
            let (filters, places) = (kernels.gradient_filters(), &all[..kernels.places]);
            let mut out = vec![1.0; LARGEST_SUMS];
            kernels.gradients(&grads, &image, places, &runs, &mut out);
            for (at, place) in places.iter().enumerate() {
                for filter in 0..filters {
                    let pixels = (5..13).chain(20..25).enumerate();
                    let expect: f64 = pixels
                        .map(|(index, pixel)| {
                            f64::from(grads[index * filters + filter]) * f64::from(image[place + pixel])
                        })
                        .sum();
                    let found = f64::from(out[at * filters + filter]);
                    assert!((found - 1.0 - expect).abs() < 1e-5, "{} {at} {filter}: {found} {expect}", kernels.name);
                }
            }
        }
    }
}
