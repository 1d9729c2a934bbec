//! Amazon Cognito user pools as this system needs them: operations on raw JSON documents,
//! pages, pacing by quota category, what an error means, and the reading of a whole pool.
//!
//! Why raw documents: the SDK's types drop members that the SDK does not know, and an update
//! made from them resets those members in the pool (facts, section 0). So every operation here
//! sends and returns the JSON body as the service speaks it, over the SDK's own endpoint,
//! credential, signing and HTTP layers.

pub mod answers;
pub mod call;
pub mod collect;
pub mod error;
pub mod fetch;
pub mod https;
pub mod limits;
pub mod operation;
pub mod pace;
pub mod pages;
pub mod stop;

pub use answers::Answers;
pub use call::Cognito;
pub use error::{CognitoError, ErrorKind};
pub use operation::{Category, Effect, Operation};
pub use pace::{Pace, Pacer};
pub use pages::Pages;
pub use stop::{Stop, StopSignal};
