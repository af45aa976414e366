//! Names that other things refer to.

use serde::{Deserialize, Serialize};

macro_rules! text_id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id! {
    /// The name of a node, unique in its graph. In a flattened network the path through its blocks,
    /// e.g. `layer1.0.conv1`; it is also the front part of the node's parameter names.
    NodeId
}

text_id! {
    /// The name of a run's folder below `runs/`, e.g. `7-small_cnn`.
    RunId
}

impl RunId {
    /// The number in front, by which runs are ordered and named to people ("run 7").
    #[must_use]
    pub fn number(&self) -> u32 {
        self.0.split('-').next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
    }
}
