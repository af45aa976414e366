//! Gaussian error linear unit (Hendrycks and Gimpel 2016).

use serde::{Deserialize, Serialize};

use super::activation::Elementwise;
use crate::base::{Field, ParamVisitor, Params};
use crate::ops::Activation;

crate::choices! {
    /// How GELU is computed.
    pub enum GeluForm {
        /// With the error function.
        Exact = "exact", "Exact", "With the error function, as PyTorch does unless told otherwise.";
        /// With a hyperbolic tangent.
        Tanh = "tanh", "Tanh", "An approximation with a hyperbolic tangent, as GPT-2 was trained with.";
    }
}

/// `x` times the share of a standard normal distribution below `x`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gelu {
    /// How it is computed.
    pub form: GeluForm,
}

impl Params for Gelu {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field =
            Field::new("form", "Form").help("How it is computed. Choose what trained weights were trained with.");
        visitor.choice(field, &mut self.form);
    }
}

impl Elementwise for Gelu {
    const NAME: &'static str = "GELU";

    fn activation(&self) -> Activation {
        match self.form {
            GeluForm::Exact => Activation::GeluExact,
            GeluForm::Tanh => Activation::GeluTanh,
        }
    }
}
