//! The icons in use, by what they mean: glyphs of the Phosphor font in `assets/fonts`.
