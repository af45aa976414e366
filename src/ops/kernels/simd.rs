//! Vector instructions beyond those that every machine of the architecture has.

/// Runs `body` compiled for AVX2 where the processor has it. The loops of `body` are inlined into the function that
/// enables it; rounding is the same with and without, since products and sums are never fused.
#[inline(always)]
pub fn run<R>(body: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2, as just asked.
        #[expect(unsafe_code, reason = "calls a function compiled for AVX2 after asking for it")]
        return unsafe { with_avx2(body) };
    }
    body()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2<R>(body: impl FnOnce() -> R) -> R {
    body()
}
