//! How the allocator treats large blocks.

/// Tells glibc to keep freed memory instead of handing every large block back to the system: otherwise each activation
/// and gradient costs a page fault for every 4 kB, in every step. Call it first in `main`. Does nothing elsewhere.
pub fn keep_pages() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: mallopt only sets numbers of the allocator.
        #[expect(unsafe_code, reason = "the C library has no safe form of mallopt")]
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 30);
            libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
        }
    }
}
