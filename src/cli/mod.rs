//! The command line: the same work without a window, on the same [`Session`](crate::session::Session).
