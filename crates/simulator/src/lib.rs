//! A strict Amazon Cognito user pools service in memory, for tests.
//!
//! It refuses what the real service refuses and answers as the real service answers, as far as that is known; every
//! rule names its source as a section of the project's fact sheet ("facts A.6") with that sheet's tags: `BENCH`
//! (measured on the live service), `MODEL` (Amazon's API model), `DOC`, `GEN` (general knowledge), `INF` (inferred),
//! `UNV` (unverified). `docs/simulator.md` lists what is simulated and what is not.
//!
//! ```
//! use simulator::{Config, Simulator};
//!
//! let simulator = Simulator::start(Config::default()).expect("a free port");
//! assert!(simulator.endpoint().starts_with("http://127.0.0.1:"));
//! assert_eq!(simulator.evidence().refused_total, 0);
//! ```

mod call;
mod config;
mod control;
mod error;
mod evidence;
mod faults;
mod generate;
mod handle;
mod limits;
mod operations;
mod pool;
mod quota;
mod seed;
mod server;
mod service;
mod shapes;
mod signature;
mod state;
mod user;

pub use call::Document;
pub use config::{Config, Listing, PassRole, SubPrefix, Unmeasured};
pub use error::ServiceError;
pub use evidence::{Evidence, RefusedCall};
pub use faults::{Fault, FaultRule, Faults, Latency, When};
pub use generate::{GeneratorConfig, SignInStyle};
pub use handle::{Simulator, SimulatorHandle, StartError};
pub use quota::Quotas;
pub use seed::{ClientDocument, PoolDocument, SecretDocument, UserDocument};
pub use state::{Link, MfaFactor, Region, UserStatus};
pub use user::password::SignIn;
