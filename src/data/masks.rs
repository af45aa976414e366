//! Masks: what each pixel of an image belongs to.

/// A pixel that belongs to no class and counts for nothing, as in Pascal VOC.
pub const VOID: u8 = 255;

/// One class index for each pixel of every sample, row by row; [`VOID`] where nobody knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Masks {
    /// All masks, one after the other.
    pub pixels: Vec<u8>,
    /// Pixels of one mask: height times width.
    pub area: usize,
}

impl Masks {
    /// How many masks there are.
    pub fn len(&self) -> usize {
        self.pixels.len().checked_div(self.area).unwrap_or(0)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The mask of a sample.
    pub fn of(&self, sample: usize) -> Option<&[u8]> {
        let start = sample.checked_mul(self.area)?;
        self.pixels.get(start..start.checked_add(self.area)?)
    }

    /// Pixels of each of so many classes in the mask of a sample; void and what is no class is left out.
    pub fn counts(&self, sample: usize, classes: usize) -> Vec<u64> {
        let mut counts = vec![0_u64; classes];
        for &class in self.of(sample).unwrap_or(&[]) {
            if let Some(count) = counts.get_mut(usize::from(class)).filter(|_| class != VOID) {
                *count += 1;
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_counted_by_class_and_void_is_left_out() {
        let masks = Masks { pixels: vec![0, 1, 1, VOID, 2, 2, 2, 2], area: 4 };
        assert_eq!((masks.len(), masks.of(1), masks.of(2)), (2, Some(&[2, 2, 2, 2][..]), None));
        assert_eq!(masks.counts(0, 3), [1, 2, 0]);
        assert_eq!(masks.counts(1, 2), [0, 0]);
        assert!(Masks { pixels: Vec::new(), area: 0 }.is_empty());
    }
}
