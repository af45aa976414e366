//! Numbers that are calculated with at once: for AVX-512, for AVX2 with fused multiply-add, and for every processor.

use super::float::Float;

/// Numbers that are calculated with at once. The methods may only be called where the processor has the instructions.
#[expect(unsafe_code, reason = "vector instructions may be missing, and pointers are read without checks")]
pub(crate) trait Vector<T>: Copy {
    const LANES: usize;
    unsafe fn zero() -> Self;
    unsafe fn splat(value: T) -> Self;
    unsafe fn load(from: *const T) -> Self;
    unsafe fn store(self, to: *mut T);
    /// Stores the first `count` values, all if that is more than there are.
    unsafe fn store_first(self, to: *mut T, count: usize);
    /// `self * other + sum`.
    unsafe fn times_plus(self, other: Self, sum: Self) -> Self;
    unsafe fn plus(self, other: Self) -> Self;
    unsafe fn minus(self, other: Self) -> Self;
    /// The values at even and those at odd places of two vectors one behind the other.
    unsafe fn apart(self, other: Self) -> [Self; 2];
    /// The values of two vectors in turn: the inverse of `apart`.
    unsafe fn in_turn(self, other: Self) -> [Self; 2];
    /// Vectors of half the lanes, for what is too short.
    type Half: Vector<T>;
}

/// An array, for processors without a variant of their own.
#[derive(Clone, Copy)]
pub(crate) struct Plain<T, const LANES: usize>([T; LANES]);

#[expect(unsafe_code, reason = "the trait's methods are unsafe")]
impl<T: Float, const LANES: usize> Vector<T> for Plain<T, LANES> {
    const LANES: usize = LANES;

    #[inline(always)]
    unsafe fn zero() -> Self {
        Self([T::ZERO; LANES])
    }

    #[inline(always)]
    unsafe fn splat(value: T) -> Self {
        Self([value; LANES])
    }

    #[inline(always)]
    unsafe fn load(from: *const T) -> Self {
        // SAFETY: the caller gives a pointer to that many values.
        Self(unsafe { from.cast::<[T; LANES]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut T) {
        // SAFETY: the caller gives a pointer to that many values.
        unsafe { to.cast::<[T; LANES]>().write_unaligned(self.0) }
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut T, count: usize) {
        for (lane, value) in self.0.into_iter().enumerate().take(count) {
            // SAFETY: the caller gives a pointer to that many values.
            unsafe {
                to.add(lane).write(value);
            }
        }
    }

    #[inline(always)]
    unsafe fn times_plus(self, other: Self, sum: Self) -> Self {
        let mut out = sum.0;
        for ((out, &left), right) in out.iter_mut().zip(&self.0).zip(other.0) {
            // A fused product is one instruction on ARM, and a slow call where it is not known to be one.
            *out = if cfg!(any(target_arch = "aarch64", target_feature = "fma")) {
                left.mul_add(right, *out)
            } else {
                *out + left * right
            };
        }
        Self(out)
    }

    #[inline(always)]
    unsafe fn plus(self, other: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane] + other.0[lane]))
    }

    #[inline(always)]
    unsafe fn minus(self, other: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane] - other.0[lane]))
    }

    #[inline(always)]
    unsafe fn apart(self, other: Self) -> [Self; 2] {
        let at = |place: usize| if place < LANES { self.0[place] } else { other.0[place - LANES] };
        [0, 1].map(|odd| Self(std::array::from_fn(|lane| at(2 * lane + odd))))
    }

    #[inline(always)]
    unsafe fn in_turn(self, other: Self) -> [Self; 2] {
        let at = |place: usize| if place % 2 == 0 { self.0[place / 2] } else { other.0[place / 2] };
        [0, LANES].map(|first| Self(std::array::from_fn(|lane| at(first + lane))))
    }

    type Half = Plain<T, 1>;
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256, __m512, _mm256_add_ps, _mm256_castpd_ps, _mm256_castps_pd, _mm256_cmpgt_epi32, _mm256_fmadd_ps,
        _mm256_loadu_ps, _mm256_maskstore_ps, _mm256_permute2f128_ps, _mm256_permute4x64_pd, _mm256_set1_epi32,
        _mm256_set1_ps, _mm256_setr_epi32, _mm256_setzero_ps, _mm256_shuffle_ps, _mm256_storeu_ps, _mm256_sub_ps,
        _mm256_unpackhi_ps, _mm256_unpacklo_ps, _mm512_add_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_mask_storeu_ps,
        _mm512_permutex2var_ps, _mm512_set1_ps, _mm512_setr_epi32, _mm512_setzero_ps, _mm512_storeu_ps, _mm512_sub_ps,
    };

    use super::{Plain, Vector};

    /// The values at even and at odd places.
    #[inline(always)]
    #[expect(unsafe_code, reason = "vector instructions")]
    unsafe fn apart512(left: __m512, right: __m512) -> [__m512; 2] {
        // SAFETY: the caller knows that the processor has the instructions.
        unsafe {
            let even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
            let odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
            [_mm512_permutex2var_ps(left, even, right), _mm512_permutex2var_ps(left, odd, right)]
        }
    }

    #[inline(always)]
    #[expect(unsafe_code, reason = "vector instructions")]
    unsafe fn in_turn512(left: __m512, right: __m512) -> [__m512; 2] {
        // SAFETY: as above.
        unsafe {
            let low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            let high = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
            [_mm512_permutex2var_ps(left, low, right), _mm512_permutex2var_ps(left, high, right)]
        }
    }

    #[inline(always)]
    #[expect(unsafe_code, reason = "vector instructions")]
    unsafe fn store_first512(values: __m512, to: *mut f32, count: usize) {
        // SAFETY: as above, and the pointer is to that many values.
        unsafe {
            let mask = if count < 16 { (1_u16 << count) - 1 } else { u16::MAX };
            _mm512_mask_storeu_ps(to, mask, values);
        }
    }

    #[inline(always)]
    #[expect(unsafe_code, reason = "vector instructions")]
    unsafe fn store_first256(values: __m256, to: *mut f32, count: usize) {
        // SAFETY: as above, and the pointer is to that many values.
        unsafe {
            let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
            let mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(count.min(8) as i32), lanes);
            _mm256_maskstore_ps(to, mask, values);
        }
    }

    #[inline(always)]
    #[expect(unsafe_code, reason = "vector instructions")]
    unsafe fn apart256(left: __m256, right: __m256) -> [__m256; 2] {
        // SAFETY: as above.
        unsafe {
            // Each half of the register on its own, then the quarters in their order.
            let in_order = |halves| _mm256_castpd_ps(_mm256_permute4x64_pd::<0b11_01_10_00>(_mm256_castps_pd(halves)));
            let even = _mm256_shuffle_ps::<0b10_00_10_00>(left, right);
            let odd = _mm256_shuffle_ps::<0b11_01_11_01>(left, right);
            [in_order(even), in_order(odd)]
        }
    }

    #[inline(always)]
    #[expect(unsafe_code, reason = "vector instructions")]
    unsafe fn in_turn256(left: __m256, right: __m256) -> [__m256; 2] {
        // SAFETY: as above.
        unsafe {
            let (low, high) = (_mm256_unpacklo_ps(left, right), _mm256_unpackhi_ps(left, right));
            [_mm256_permute2f128_ps::<0x20>(low, high), _mm256_permute2f128_ps::<0x31>(low, high)]
        }
    }

    macro_rules! vector {
        ($Vector:ty, $Half:ty, $lanes:literal, $zero:ident, $splat:ident, $load:ident, $store:ident, $fma:ident, $plus:ident,
            $minus:ident, $apart:ident, $in_turn:ident, $store_first:ident) => {
            #[expect(unsafe_code, reason = "vector instructions")]
            impl Vector<f32> for $Vector {
                const LANES: usize = $lanes;

                #[inline(always)]
                unsafe fn zero() -> Self {
                    // SAFETY: the caller knows that the processor has the instruction; so for all below.
                    unsafe { $zero() }
                }

                #[inline(always)]
                unsafe fn splat(value: f32) -> Self {
                    // SAFETY: as above.
                    unsafe { $splat(value) }
                }

                #[inline(always)]
                unsafe fn load(from: *const f32) -> Self {
                    // SAFETY: as above, and the pointer is to that many values.
                    unsafe { $load(from) }
                }

                #[inline(always)]
                unsafe fn store(self, to: *mut f32) {
                    // SAFETY: as above, and the pointer is to that many values.
                    unsafe { $store(to, self) }
                }

                #[inline(always)]
                unsafe fn times_plus(self, other: Self, sum: Self) -> Self {
                    // SAFETY: as above.
                    unsafe { $fma(self, other, sum) }
                }

                #[inline(always)]
                unsafe fn store_first(self, to: *mut f32, count: usize) {
                    // SAFETY: as above, and the pointer is to that many values.
                    unsafe { $store_first(self, to, count) }
                }

                #[inline(always)]
                unsafe fn plus(self, other: Self) -> Self {
                    // SAFETY: as above.
                    unsafe { $plus(self, other) }
                }

                #[inline(always)]
                unsafe fn minus(self, other: Self) -> Self {
                    // SAFETY: as above.
                    unsafe { $minus(self, other) }
                }

                #[inline(always)]
                unsafe fn apart(self, other: Self) -> [Self; 2] {
                    // SAFETY: as above.
                    unsafe { $apart(self, other) }
                }

                #[inline(always)]
                unsafe fn in_turn(self, other: Self) -> [Self; 2] {
                    // SAFETY: as above.
                    unsafe { $in_turn(self, other) }
                }

                type Half = $Half;
            }
        };
    }

    vector!(
        __m512,
        __m256,
        16,
        _mm512_setzero_ps,
        _mm512_set1_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_fmadd_ps,
        _mm512_add_ps,
        _mm512_sub_ps,
        apart512,
        in_turn512,
        store_first512
    );
    vector!(
        __m256, Plain<f32, 4>, 8, _mm256_setzero_ps, _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps,
        _mm256_fmadd_ps, _mm256_add_ps, _mm256_sub_ps, apart256, in_turn256, store_first256
    );
}
