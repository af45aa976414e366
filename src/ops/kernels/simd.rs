//! Vector instructions beyond those that every machine of the architecture has.

/// Runs a block, which computes with numbers of the type `T`, compiled for AVX-512 or AVX2 where the processor has it. In
/// the block `FUSED` tells whether a product and a sum can be one instruction, for [`super::float::Float::exp_in`] and its
/// like.
///
/// A macro, since the block must become part of each variant: a closure that all of them call would be compiled once, for
/// none of them. For the same reason the block must not allocate: where a call gives back two values, as that does, the
/// compiler keeps the block out of the variants, and each fused product becomes a call too.
macro_rules! run {
    ($body:expr) => {{
        #[cfg(target_arch = "x86_64")]
        {
            use $crate::ops::kernels::simd::{Avx2, Avx512};
            // In f64, which serves tests, the plain variant does: fewer variants are built.
            if const { size_of::<T>() > 4 } {
                const FUSED: bool = false;
                let _ = FUSED;
                $crate::ops::kernels::simd::plain(|| $body)
            } else if let Some(avx512) = Avx512::found() {
                const FUSED: bool = true;
                let _ = FUSED;
                avx512.run(|| $body)
            } else if let Some(avx2) = Avx2::found() {
                const FUSED: bool = true;
                let _ = FUSED;
                avx2.run(|| $body)
            } else {
                const FUSED: bool = false;
                let _ = FUSED;
                $crate::ops::kernels::simd::plain(|| $body)
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            const FUSED: bool = cfg!(target_arch = "aarch64");
            let _ = FUSED;
            $crate::ops::kernels::simd::plain(|| $body)
        }
    }};
}
pub(crate) use run;

/// Runs a block with what every machine of the architecture has.
#[inline(always)]
pub fn plain<R>(body: impl FnOnce() -> R) -> R {
    body()
}

#[cfg(target_arch = "x86_64")]
macro_rules! level {
    ($Level:ident, $help:literal, $features:literal, [$($feature:tt),+]) => {
        #[doc = $help]
        #[derive(Debug, Clone, Copy)]
        pub struct $Level(());

        impl $Level {
            /// If the processor has it.
            #[inline(always)]
            pub fn found() -> Option<Self> {
                ($(std::arch::is_x86_feature_detected!($feature))&&+).then_some(Self(()))
            }

            /// Runs the block with these instructions.
            #[inline(always)]
            pub fn run<R>(self, body: impl FnOnce() -> R) -> R {
                #[target_feature(enable = $features)]
                fn with<R>(body: impl FnOnce() -> R) -> R {
                    body()
                }
                // SAFETY: there is a value of this type only where the processor has the instructions.
                #[expect(unsafe_code, reason = "calls a function compiled for instructions that were found")]
                unsafe {
                    with(body)
                }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
level!(
    Avx512,
    "What every processor with AVX-512 has that computes with f32 and i32 (from Skylake-X and Zen 4 on).",
    "fma,avx512f,avx512dq,avx512bw,avx512vl",
    ["fma", "avx512f", "avx512dq", "avx512bw", "avx512vl"]
);
#[cfg(target_arch = "x86_64")]
level!(Avx2, "Vectors of eight values (from Haswell and Zen on).", "fma,avx2", ["fma", "avx2"]);
