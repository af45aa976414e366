//! The kernels against the definition of a convolution.

use super::weight::backward_weight_with;
use super::*;

/// Sizes that meet every branch: steps, dilation, groups, wide padding, filters without reach, blocks of rows.
fn geometries() -> Vec<Geometry> {
    let make = |batch, channels, size: [usize; 2], out_channels, groups, window: [[usize; 2]; 4]| {
        let [kernel, stride, padding, dilation] = window;
        let window = Window { kernel, stride, padding, dilation };
        Geometry { batch, channels, size, out_channels, output: window.output(size), groups, window }
    };
    vec![
        make(3, 2, [8, 8], 5, 1, [[3, 3], [1, 1], [1, 1], [1, 1]]),
        make(40, 1, [8, 8], 9, 1, [[3, 3], [1, 1], [1, 1], [1, 1]]),
        make(2, 4, [7, 9], 6, 2, [[3, 2], [1, 2], [1, 0], [1, 1]]),
        make(2, 3, [9, 11], 4, 1, [[3, 3], [2, 3], [2, 1], [2, 1]]),
        // Few images, whose filters the threads share out.
        make(1, 40, [15, 14], 96, 1, [[3, 3], [2, 2], [1, 1], [1, 1]]),
        make(1, 16, [20, 20], 50, 1, [[5, 5], [1, 1], [2, 2], [1, 1]]),
        // Of 1 x 1: one image, a few large ones, small ones, with steps.
        make(1, 40, [23, 30], 170, 1, [[1, 1], [1, 1], [0, 0], [1, 1]]),
        make(3, 24, [24, 25], 20, 1, [[1, 1], [1, 1], [0, 0], [1, 1]]),
        make(5, 6, [9, 8], 7, 1, [[1, 1], [2, 3], [0, 0], [1, 1]]),
        make(2, 3, [10, 7], 4, 1, [[1, 1], [2, 2], [0, 0], [1, 1]]),
        make(2, 3, [5, 6], 4, 1, [[1, 1], [1, 1], [1, 2], [1, 1]]),
        make(1, 2, [6, 5], 3, 1, [[5, 4], [1, 1], [0, 3], [1, 1]]),
        make(1, 3, [21, 20], 8, 1, [[7, 7], [2, 2], [3, 3], [1, 1]]),
        make(2, 2, [12, 12], 3, 1, [[2, 2], [3, 3], [4, 5], [3, 1]]),
        make(2, 60, [40, 41], 3, 1, [[3, 3], [1, 1], [1, 1], [1, 1]]),
        make(1, 60, [41, 40], 3, 1, [[3, 3], [2, 2], [1, 1], [1, 1]]),
    ]
}

fn values(count: usize, factor: f32) -> Vec<f32> {
    (0..count).map(|index| (index as f32 * factor).sin()).collect()
}

/// Calls `each(output, input, weight)` for every product of the convolution, straight from its definition.
fn each_product(geometry: &Geometry, mut each: impl FnMut(usize, usize, usize)) {
    let Window { kernel, stride, padding, dilation } = geometry.window;
    let (inner, outer) = (geometry.inner(), geometry.outer());
    for image in 0..geometry.batch {
        for filter in 0..geometry.out_channels {
            for at in 0..geometry.out_area() {
                let [row, column] = [at / geometry.output[1], at % geometry.output[1]];
                let out = (image * geometry.out_channels + filter) * geometry.out_area() + at;
                for weight in 0..geometry.depth() {
                    let (channel, tap) = (weight / geometry.taps(), weight % geometry.taps());
                    let y = (row * stride[0] + tap / kernel[1] * dilation[0]).checked_sub(padding[0]);
                    let x = (column * stride[1] + tap % kernel[1] * dilation[1]).checked_sub(padding[1]);
                    let (Some(y), Some(x)) = (y, x) else { continue };
                    if y < geometry.size[0] && x < geometry.size[1] {
                        let plane = image * geometry.channels + filter / outer * inner + channel;
                        let input = plane * geometry.area() + y * geometry.size[1] + x;
                        each(out, input, filter * geometry.depth() + weight);
                    }
                }
            }
        }
    }
}

/// A sum, and the sum of what its terms are without their signs, to which its rounding errors are in proportion.
type Sum = [f64; 2];

fn add(sum: &mut Sum, term: f64) {
    *sum = [sum[0] + term, sum[1] + term.abs()];
}

fn assert_near(found: &[f32], expect: &[Sum], what: &str) {
    assert_eq!(found.len(), expect.len(), "{what}");
    for (index, (&found, &[expect, scale])) in found.iter().zip(expect).enumerate() {
        assert!((f64::from(found) - expect).abs() <= 5e-7 * scale, "{what} at {index}: {found} and {expect}");
    }
}

#[test]
fn every_variant_and_short_cut_gives_what_the_definition_gives() {
    for geometry in geometries() {
        let x = values(geometry.batch * geometry.channels * geometry.area(), 0.37);
        let weight = values(geometry.out_channels * geometry.depth(), 0.71);
        let bias = values(geometry.out_channels, 1.3);
        let grad = values(geometry.batch * geometry.out_channels * geometry.out_area(), 0.53);
        let start = |index: usize| f64::from(bias[index / geometry.out_area() % geometry.out_channels]);
        let mut out: Vec<Sum> = (0..grad.len()).map(|index| [start(index), start(index).abs()]).collect();
        let (mut to_x, mut to_weight) = (vec![[0.0; 2]; x.len()], vec![[0.0; 2]; weight.len()]);
        each_product(&geometry, |o, i, w| {
            let [g, v, p] = [grad[o], x[i], weight[w]].map(f64::from);
            add(&mut out[o], v * p);
            add(&mut to_x[i], g * p);
            add(&mut to_weight[w], g * v);
        });
        let what = format!("{geometry:?}");
        assert_near(&forward(&x, &weight, Some(&bias), &geometry), &out, &what);
        assert_near(&Ready::new(weight.clone(), bias.clone(), false, &geometry).forward(&x, &geometry), &out, &what);
        assert_near(&backward_input(&grad, &weight, &geometry), &to_x, &what);
        assert_near(&backward_weight(&grad, &x, &geometry), &to_weight, &what);
        for kernels in Kernels::<f32>::variants() {
            let what = format!("{} {geometry:?}", kernels.name);
            assert_near(&forward_with(kernels, &x, &weight, Some(&bias), &geometry), &out, &what);
            assert_near(&backward_input_with(kernels, &grad, &weight, &geometry), &to_x, &what);
            assert_near(&backward_weight_with(kernels, &grad, &x, &geometry), &to_weight, &what);
        }
    }
}

/// Sizes of 3 x 3 for which fewer products are worth it, with odd sides, all paddings and few or many tiles.
fn large_geometries() -> Vec<Geometry> {
    let make = |batch, channels, size: [usize; 2], out_channels, padding| {
        let window = Window { kernel: [3, 3], stride: [1, 1], padding, dilation: [1, 1] };
        Geometry { batch, channels, size, out_channels, output: window.output(size), groups: 1, window }
    };
    vec![
        make(1, 64, [20, 20], 66, [1, 1]),
        make(2, 65, [15, 27], 70, [0, 2]),
        make(25, 64, [4, 4], 65, [1, 1]),
        make(7, 66, [9, 7], 64, [2, 0]),
        make(1, 64, [50, 66], 64, [1, 1]),
        make(3, 130, [14, 14], 140, [1, 1]),
    ]
}

#[test]
fn fewer_products_give_what_the_definition_gives() {
    for geometry in large_geometries() {
        let parts = [Part::Forward, Part::Input, Part::Weight];
        assert!(parts.iter().all(|&part| winograd::fits(&geometry, part)), "{geometry:?}");
        let x = values(geometry.batch * geometry.channels * geometry.area(), 0.37);
        let weight = values(geometry.out_channels * geometry.depth(), 0.71);
        let bias = values(geometry.out_channels, 1.3);
        let grad = values(geometry.batch * geometry.out_channels * geometry.out_area(), 0.53);
        let wide = |values: &[f32]| -> Vec<f64> { values.iter().map(|&value| f64::from(value)).collect() };
        let (plain, [x64, weight64, bias64, grad64]) =
            (Kernels::<f64>::PLAIN, [&x, &weight, &bias, &grad].map(|values| wide(values)));
        let by_definition = |[x, weight, bias, grad]: [&[f64]; 4]| {
            [
                forward_with(plain, x, weight, Some(bias), &geometry),
                backward_input_with(plain, grad, weight, &geometry),
                backward_weight_with(plain, grad, x, &geometry),
            ]
        };
        let expect = by_definition([&x64, &weight64, &bias64, &grad64]);
        // Rounding errors are in proportion to the terms without their signs.
        let sizes = [&x64, &weight64, &bias64, &grad64].map(|v| v.iter().map(|v| v.abs()).collect::<Vec<f64>>());
        let scales = by_definition([&sizes[0], &sizes[1], &sizes[2], &sizes[3]]);
        let assert_near = |found: &[Vec<f64>; 3], bound: f64, what: &str| {
            for ((found, expect), scales) in found.iter().zip(&expect).zip(&scales) {
                assert_eq!(found.len(), expect.len());
                for ((found, expect), scale) in found.iter().zip(expect).zip(scales) {
                    assert!((found - expect).abs() <= bound * scale, "{what} {geometry:?}: {found} and {expect}");
                }
            }
        };
        let found = [
            winograd::forward(&x64, &weight64, Some(&bias64), &geometry),
            winograd::backward_input(&grad64, &weight64, &geometry),
            winograd::backward_weight(&grad64, &x64, &geometry),
        ];
        assert_near(&found, 1e-14, "f64");
        for kernels in Kernels::<f32>::variants() {
            let found = [
                winograd::forward_with(kernels, &x, &weight, Some(&bias), &geometry),
                winograd::backward_input_with(kernels, &grad, &weight, &geometry),
                winograd::backward_weight_with(kernels, &grad, &x, &geometry),
            ];
            assert_near(&found.map(|values| wide(&values)), 2e-6, kernels.name);
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    for geometry in geometries().into_iter().chain(large_geometries()) {
        let x = values(geometry.batch * geometry.channels * geometry.area(), 0.37);
        let weight = values(geometry.out_channels * geometry.depth(), 0.71);
        let grad = values(geometry.batch * geometry.out_channels * geometry.out_area(), 0.53);
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let out = forward(&x, &weight, None, &geometry);
                (out, backward_input(&grad, &weight, &geometry), backward_weight(&grad, &x, &geometry))
            })
        };
        assert_eq!(on(1), on(4));
    }
}
