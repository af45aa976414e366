//! Pictures of samples: as many textures as are in sight, no more.

use std::collections::HashMap;
use std::sync::Arc;

use egui::{Color32, ColorImage, Context, Rect, Sense, TextureHandle, TextureOptions, Ui, Vec2, vec2};

use crate::data::{Dataset, InputKind};
use crate::gui::theme::{Theme, size};
use crate::session::Prediction;

use super::{boxes, masks};

/// Pictures kept on the graphics card. A screen of small ones is a few hundred.
const CAPACITY: usize = 1536;
/// Longest side of a picture of a sample; larger samples are thinned out. Far below any card's limit of 8,192.
pub(super) const LONGEST_SIDE: usize = 512;

/// Textures of samples, made when first drawn, the longest unused ones dropped.
pub struct SampleTextures {
    textures: HashMap<(String, u32), Entry>,
    clock: u64,
    /// Part of a mask's colour that is seen over an image.
    pub mask_opacity: f32,
}

impl Default for SampleTextures {
    fn default() -> Self {
        Self { textures: HashMap::new(), clock: 0, mask_opacity: masks::OPACITY }
    }
}

struct Entry {
    texture: TextureHandle,
    used: u64,
}

impl SampleTextures {
    /// The picture of a sample of an image data set; `None` for tables and missing samples.
    pub fn get(&mut self, ctx: &Context, dataset: &Dataset, sample: u32) -> Option<TextureHandle> {
        if !matches!(dataset.input, InputKind::Image { .. }) || sample as usize >= dataset.len() {
            return None;
        }
        let image = || picture(&dataset.sample(sample as usize), &dataset.dims.0);
        self.made(ctx, (dataset.fingerprint.clone(), sample), image)
    }

    /// The mask of a sample, in the colours of the theme.
    pub fn mask(&mut self, ctx: &Context, dataset: &Dataset, sample: u32) -> Option<TextureHandle> {
        let mask = dataset.mask(sample as usize)?;
        let theme = Theme::of(ctx);
        let key = format!("{} mask {}", dataset.fingerprint, theme.is_dark);
        self.made(ctx, (key, sample), || masks::mask_picture(&theme, dataset, mask))
    }

    /// Image and mask of an answer, in the colours of the theme.
    pub fn answer(
        &mut self,
        ctx: &Context,
        dataset: &Dataset,
        answer: &Prediction,
    ) -> (Option<TextureHandle>, Option<TextureHandle>) {
        let theme = Theme::of(ctx);
        // Its time tells an answer from one that was at the same place before.
        let place = Arc::as_ptr(&answer.values);
        let key = format!("{place:p} {} {}", answer.inference_ms.to_bits(), theme.is_dark);
        let image = self.made(ctx, (format!("image {key}"), 0), || picture(&answer.values, &dataset.dims.0));
        let mask = answer
            .mask
            .as_ref()
            .and_then(|mask| self.made(ctx, (format!("mask {key}"), 0), || masks::mask_picture(&theme, dataset, mask)));
        (image, mask)
    }

    fn made(
        &mut self,
        ctx: &Context,
        key: (String, u32),
        make: impl FnOnce() -> Option<ColorImage>,
    ) -> Option<TextureHandle> {
        self.clock += 1;
        if let Some(entry) = self.textures.get_mut(&key) {
            entry.used = self.clock;
            return Some(entry.texture.clone());
        }
        let image = make()?;
        Some(self.keep(ctx, key, image))
    }

    fn keep(&mut self, ctx: &Context, key: (String, u32), image: ColorImage) -> TextureHandle {
        let texture = ctx.load_texture(format!("sample {}", key.1), image, TextureOptions::NEAREST);
        if self.textures.len() >= CAPACITY {
            self.drop_oldest();
        }
        self.textures.insert(key, Entry { texture: texture.clone(), used: self.clock });
        texture
    }

    /// Drops the older half: once in many frames instead of a little in each.
    fn drop_oldest(&mut self) {
        let mut ages: Vec<u64> = self.textures.values().map(|entry| entry.used).collect();
        ages.sort_unstable();
        let limit = ages.get(ages.len() / 2).copied().unwrap_or(0);
        self.textures.retain(|_, entry| entry.used > limit);
    }
}

/// An image from raw values 0 to 255 of shape `[channels, height, width]`; `None` if that is no picture.
pub fn picture(values: &[f32], dims: &[usize]) -> Option<ColorImage> {
    let &[channels, height, width] = dims else { return None };
    let plane = height.checked_mul(width)?;
    if plane == 0 || channels.checked_mul(plane)? != values.len() {
        return None;
    }
    let step = height.max(width).div_ceil(LONGEST_SIDE);
    let value = |channel: usize, place: usize| {
        values.get(channel * plane + place).map_or(0, |value| value.round().clamp(0.0, 255.0) as u8)
    };
    let mut pixels = Vec::new();
    for row in (0..height).step_by(step) {
        for column in (0..width).step_by(step) {
            let place = row * width + column;
            pixels.push(if channels >= 3 {
                Color32::from_rgba_premultiplied(value(0, place), value(1, place), value(2, place), 255)
            } else {
                Color32::from_gray(value(0, place))
            });
        }
    }
    Some(ColorImage::new([width.div_ceil(step), height.div_ceil(step)], pixels))
}

/// Draws a sample's picture within `side` x `side`, keeping its proportions, with rounded corners. The answer can be clicked;
/// `name` is what a screen reader says.
pub fn sample_image(
    ui: &mut Ui,
    textures: &mut SampleTextures,
    dataset: &Arc<Dataset>,
    sample: u32,
    side: f32,
    name: &str,
) -> egui::Response {
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(side), Sense::click());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Button, true, name));
    if ui.is_rect_visible(rect) {
        paint_sample(ui, textures, dataset, sample, rect);
    }
    response
}

/// Paints a sample into `rect`: an image with its mask or boxes, if it has some, a recording as its wave, a window of a series as its curves.
pub fn paint_sample(ui: &Ui, textures: &mut SampleTextures, dataset: &Dataset, sample: u32, rect: Rect) {
    match textures.get(ui.ctx(), dataset, sample) {
        Some(texture) => {
            paint_texture(ui, &texture, rect);
            if let Some(mask) = textures.mask(ui.ctx(), dataset, sample) {
                masks::paint_mask(ui, &mask, rect, textures.mask_opacity);
            }
            boxes::paint_boxes(ui, dataset, dataset.boxes_of(sample as usize), fitted(&texture, rect));
        }
        None => super::waves::paint_values(ui, dataset, &dataset.sample(sample as usize), rect),
    }
}

/// Paints a texture into `rect`, keeping its proportions.
pub fn paint_texture(ui: &Ui, texture: &TextureHandle, rect: Rect) {
    let rect = fitted(texture, rect);
    egui::Image::from_texture((texture.id(), rect.size())).corner_radius(size::TIGHT).paint_at(ui, rect);
}

/// The largest place within `rect` that has the texture's proportions.
pub(super) fn fitted(texture: &TextureHandle, rect: Rect) -> Rect {
    let [width, height] = texture.size();
    let (width, height) = (width.max(1) as f32, height.max(1) as f32);
    let scale = (rect.width() / width).min(rect.height() / height);
    Rect::from_center_size(rect.center(), vec2(width * scale, height * scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grey_and_colour_samples_become_pictures() {
        let grey = picture(&[0.0, 255.0, 128.0, 300.0], &[1, 2, 2]).unwrap();
        assert_eq!(grey.size, [2, 2]);
        assert_eq!(grey.pixels[1], Color32::WHITE);
        assert_eq!(grey.pixels[3], Color32::WHITE, "values above 255 are cut");
        let red = picture(&[255.0, 0.0, 0.0], &[3, 1, 1]).unwrap();
        assert_eq!(red.pixels[0].to_array(), [255, 0, 0, 255]);
    }

    #[test]
    fn what_is_no_picture_gives_none() {
        assert!(picture(&[1.0, 2.0], &[2]).is_none());
        assert!(picture(&[1.0], &[1, 2, 2]).is_none());
        assert!(picture(&[], &[1, 0, 0]).is_none());
    }

    #[test]
    fn a_huge_sample_is_thinned_out_below_the_texture_limit() {
        let image = picture(&vec![0.0; 9000 * 3], &[1, 3, 9000]).unwrap();
        assert!(image.size[0] <= LONGEST_SIDE + 1);
    }
}
