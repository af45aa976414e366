//! Planes whose rows and columns are picked from another plane, or blended of a few neighbours each: slices, paddings
//! and changes of size.

use super::float::Float;
use super::{par, simd};

/// For each row and each column of the output, that of the input; none where a fill value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picks {
    /// Rows.
    pub rows: Vec<Option<usize>>,
    /// Columns.
    pub columns: Vec<Option<usize>>,
}

/// Places of the input and their shares: two for a linear blend, four for a cubic one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Blend<const N: usize> {
    /// The places.
    pub at: [usize; N],
    /// The share of each.
    pub share: [f64; N],
}

/// The blends of each row and each column of the output.
#[derive(Debug, Clone, PartialEq)]
pub struct Blends<const N: usize> {
    /// Rows.
    pub rows: Vec<Blend<N>>,
    /// Columns.
    pub columns: Vec<Blend<N>>,
}

/// Neighbours in the output that are neighbours in the input too.
#[derive(Debug, Clone, Copy)]
struct Run {
    to: usize,
    from: usize,
    len: usize,
}

fn runs(columns: &[Option<usize>]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (to, from) in columns.iter().enumerate() {
        let Some(from) = *from else { continue };
        match runs.last_mut() {
            Some(run) if run.to + run.len == to && run.from + run.len == from => run.len += 1,
            _ => runs.push(Run { to, from, len: 1 }),
        }
    }
    runs
}

/// Output planes of input planes `[height, width]`.
pub fn pick<T: Float>(x: &[T], [height, width]: [usize; 2], picks: &Picks, fill: T) -> Vec<T> {
    let Picks { rows, columns } = picks;
    let (area, out_area) = (height * width, rows.len() * columns.len());
    if area * out_area == 0 {
        return vec![fill; x.len() / area.max(1) * out_area];
    }
    let runs = runs(columns);
    let is_whole = runs.iter().map(|run| run.len).sum::<usize>() == columns.len();
    // Single places go faster one by one.
    let places: Option<Vec<usize>> =
        if runs.len() * 4 > columns.len() { columns.iter().copied().collect() } else { None };
    each_plane(x, area, out_area, |x, out| {
        for (row, out) in rows.iter().zip(out.chunks_exact_mut(columns.len())) {
            let Some(row) = *row else {
                out.fill(fill);
                continue;
            };
            let x = &x[row * width..(row + 1) * width];
            if let Some(places) = &places {
                out.iter_mut().zip(places).for_each(|(out, &place)| *out = x[place]);
                continue;
            }
            if !is_whole {
                out.fill(fill);
            }
            for run in &runs {
                out[run.to..run.to + run.len].copy_from_slice(&x[run.from..run.from + run.len]);
            }
        }
    })
}

/// Gradient of the input of [`pick`].
pub fn pick_backward<T: Float>(grad: &[T], [height, width]: [usize; 2], picks: &Picks) -> Vec<T> {
    let Picks { rows, columns } = picks;
    let (area, out_area) = (height * width, rows.len() * columns.len());
    let runs = runs(columns);
    each_plane(grad, out_area, area, |grad, out| {
        for (row, grad) in rows.iter().zip(grad.chunks_exact(columns.len())) {
            let Some(row) = *row else { continue };
            let out = &mut out[row * width..(row + 1) * width];
            for run in &runs {
                let to = out[run.from..run.from + run.len].iter_mut();
                to.zip(&grad[run.to..run.to + run.len]).for_each(|(to, &grad)| *to += grad);
            }
        }
    })
}

/// Output planes of input planes `[height, width]`.
pub fn blend<T: Float, const N: usize>(x: &[T], [height, width]: [usize; 2], blends: &Blends<N>) -> Vec<T> {
    let (rows, columns) = (of_type::<T, N>(&blends.rows), of_type::<T, N>(&blends.columns));
    each_plane(x, height * width, rows.len() * columns.len(), |x, out| {
        let mut blended = vec![T::ZERO; width];
        for ((at, share), out) in rows.iter().zip(out.chunks_exact_mut(columns.len().max(1))) {
            for tap in 0..N {
                let (x, share) = (x[at[tap] * width..(at[tap] + 1) * width].iter(), share[tap]);
                if tap == 0 {
                    blended.iter_mut().zip(x).for_each(|(to, &x)| *to = x * share);
                } else {
                    blended.iter_mut().zip(x).for_each(|(to, &x)| *to += x * share);
                }
            }
            for (out, (at, share)) in out.iter_mut().zip(&columns) {
                let first = blended[at[0]] * share[0];
                *out = (1..N).fold(first, |sum, tap| sum + blended[at[tap]] * share[tap]);
            }
        }
    })
}

/// Gradient of the input of [`blend`].
pub fn blend_backward<T: Float, const N: usize>(grad: &[T], [height, width]: [usize; 2], blends: &Blends<N>) -> Vec<T> {
    let (rows, columns) = (of_type::<T, N>(&blends.rows), of_type::<T, N>(&blends.columns));
    each_plane(grad, rows.len() * columns.len(), height * width, |grad, out| {
        let mut gathered = vec![T::ZERO; width];
        for ((at, share), grad) in rows.iter().zip(grad.chunks_exact(columns.len().max(1))) {
            gathered.fill(T::ZERO);
            for (&grad, (at, share)) in grad.iter().zip(&columns) {
                for (&at, &share) in at.iter().zip(share) {
                    gathered[at] += grad * share;
                }
            }
            for (&at, &share) in at.iter().zip(share) {
                let out = out[at * width..(at + 1) * width].iter_mut();
                out.zip(&gathered).for_each(|(out, &grad)| *out += grad * share);
            }
        }
    })
}

fn of_type<T: Float, const N: usize>(blends: &[Blend<N>]) -> Vec<([usize; N], [T; N])> {
    blends.iter().map(|blend| (blend.at, blend.share.map(T::of))).collect()
}

/// Fills the planes of `to` values, which start as zeros, each from its plane of `from` values.
fn each_plane<T: Float>(x: &[T], from: usize, to: usize, fill: impl Fn(&[T], &mut [T]) + Sync) -> Vec<T> {
    if from == 0 || to == 0 {
        return Vec::new();
    }
    let group = (par::CHUNK / to.max(from)).max(1);
    par::build(x.len() / from * to, group * to, |start, out: &mut [T]| {
        simd::run!({
            let x = par::piece(x, start / to * from, out.len() / to * from);
            x.chunks_exact(from).zip(out.chunks_exact_mut(to)).for_each(|(x, out)| fill(x, out));
        });
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picks_and_gives_gradients_back() {
        let picks = Picks { rows: vec![None, Some(1)], columns: vec![Some(0), Some(1), None, Some(1)] };
        let x = [1.0_f64, 2.0, 3.0, 4.0];
        assert_eq!(pick(&x, [2, 2], &picks, 9.0), [9.0, 9.0, 9.0, 9.0, 3.0, 4.0, 9.0, 4.0]);
        let grad = [1.0, 1.0, 1.0, 1.0, 10.0, 20.0, 30.0, 40.0];
        assert_eq!(pick_backward(&grad, [2, 2], &picks), [0.0, 0.0, 10.0, 60.0]);
    }
}
