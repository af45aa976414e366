//! Plain functions over slices, without candle: slices in, slices out, in f32 and f64.
