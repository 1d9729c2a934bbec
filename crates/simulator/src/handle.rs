//! Starting a simulator and talking to it from the test that started it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::oneshot;

use crate::config::{Config, PassRole, SubPrefix};
use crate::error::ServiceError;
use crate::evidence::Evidence;
use crate::faults::{Faults, Latency};
use crate::generate::{self, GeneratorConfig};
use crate::quota::Quotas;
use crate::seed::PoolDocument;
use crate::service::Service;
use crate::shapes::Model;
use crate::state::{AccountId, Region};
use crate::user::password::{self, SignIn};
use crate::{seed, server};

/// Why a simulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port is taken, or there are no resources for a socket, thread or runtime.
    #[error("the simulator cannot serve on 127.0.0.1:{port}: {source}")]
    Serve {
        /// The port asked for; 0 is any.
        port: u16,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// The configured account id is not one.
    #[error("the account id {0:?} is not twelve digits")]
    AccountId(String),
    /// The embedded API model does not read.
    #[error("the embedded API model does not read: {0}")]
    Model(String),
}

/// The simulator. See [`Simulator::start`].
#[derive(Debug)]
pub struct Simulator;

impl Simulator {
    /// Starts a simulator on a thread of its own, ready when this returns. Callable with or without an async runtime;
    /// any number can run side by side. It stops when the handle is dropped.
    ///
    /// # Errors
    /// When the port is taken or the account id is not one.
    pub fn start(config: Config) -> Result<SimulatorHandle, StartError> {
        let port = config.port;
        let serve = |source| StartError::Serve { port, source };
        let account = AccountId::parse(&config.account_id)
            .ok_or_else(|| StartError::AccountId(config.account_id.clone()))?;
        let model = Model::embedded().map_err(StartError::Model)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(serve)?;
        listener.set_nonblocking(true).map_err(serve)?;
        let address = listener.local_addr().map_err(serve)?;
        let runtime = runtime(config.worker_threads).map_err(serve)?;
        let service = Arc::new(Service::new(config, account, model));
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = Arc::clone(&service);
        thread::Builder::new()
            .name("cognito-simulator".to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    match tokio::net::TcpListener::from_std(listener) {
                        Ok(listener) => tokio::select! {
                            () = server::serve(listener, serving) => {}
                            // Also when the sender is gone.
                            _ = stopped => {}
                        },
                        Err(error) => tracing::error!(%error, "the listener cannot be used"),
                    }
                });
                runtime.shutdown_background();
            })
            .map_err(serve)?;
        Ok(SimulatorHandle {
            address,
            service,
            _stop: stop,
        })
    }
}

fn runtime(threads: usize) -> std::io::Result<tokio::runtime::Runtime> {
    let mut builder = if threads > 1 {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(threads);
        builder
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    builder.enable_all().build()
}

/// A running simulator; dropping it stops it.
#[derive(Debug)]
pub struct SimulatorHandle {
    address: SocketAddr,
    service: Arc<Service>,
    _stop: oneshot::Sender<()>,
}

impl SimulatorHandle {
    /// The URL to give an SDK as its endpoint, e.g. `http://127.0.0.1:41357`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Puts a pool in directly, in any state; see `docs/simulator.md` for the document. Returns the pool's id.
    ///
    /// # Errors
    /// When the Region does not exist or the document is not a pool document.
    pub fn seed(&self, region: &str, document: &Value) -> Result<String, ServiceError> {
        self.plant(region, seed::parse(document)?)
    }

    /// Makes a pool and puts it in. Returns the pool's id.
    ///
    /// # Errors
    /// When the Region does not exist.
    pub fn generate(&self, region: &str, config: &GeneratorConfig) -> Result<String, ServiceError> {
        let (document, users) = generate::pool(config);
        seed::plant(&self.service, &parse(region)?, document, users)
    }

    /// As [`SimulatorHandle::seed`], from a typed document.
    ///
    /// # Errors
    /// When the Region does not exist or the document contradicts itself.
    pub fn plant(&self, region: &str, document: PoolDocument) -> Result<String, ServiceError> {
        seed::plant(&self.service, &parse(region)?, document, std::iter::empty())
    }

    /// As [`SimulatorHandle::dump`], typed.
    ///
    /// # Errors
    /// When there is no such pool.
    pub fn pool(&self, region: &str, pool_id: &str) -> Result<PoolDocument, ServiceError> {
        seed::dump(&self.service, &parse(region)?, pool_id)
    }

    /// The full state of a pool, as a pool document: what [`SimulatorHandle::seed`] takes.
    ///
    /// # Errors
    /// When there is no such pool.
    pub fn dump(&self, region: &str, pool_id: &str) -> Result<Value, ServiceError> {
        serde_json::to_value(self.pool(region, pool_id)?)
            .map_err(|error| ServiceError::internal(error.to_string()))
    }

    /// What a sign-in of a user of the pool comes to. Changes nothing.
    ///
    /// # Errors
    /// When there is no such pool.
    pub fn sign_in(
        &self,
        region: &str,
        pool_id: &str,
        username: &str,
        password: &str,
    ) -> Result<SignIn, ServiceError> {
        let (state, region) = (self.service.state(), parse(region)?);
        let pool = seed::find(&state, &region, pool_id)?;
        Ok(password::sign_in(pool, username, password))
    }

    /// The ids of all pools there are, of all accounts and Regions.
    pub fn pool_ids(&self) -> Vec<String> {
        let state = self.service.state();
        let regions = state.regions();
        regions
            .flat_map(|(_, _, regional)| regional.pools.keys().cloned())
            .collect()
    }

    /// What happened so far.
    pub fn evidence(&self) -> Evidence {
        self.service.control().collector.snapshot()
    }

    /// Starts the evidence anew.
    pub fn reset_evidence(&self) {
        self.service.control().collector.reset();
    }

    /// Replaces the faults; calls are counted from here.
    pub fn set_faults(&self, faults: Faults) {
        self.service.control().injector.set_faults(faults);
    }

    /// Replaces the latency.
    pub fn set_latency(&self, latency: Latency) {
        self.service.control().injector.set_latency(latency);
    }

    /// Replaces the request rates.
    pub fn set_quotas(&self, quotas: Quotas) {
        self.service.control().quotas = quotas;
    }

    /// Replaces what callers may do with roles.
    pub fn set_pass_role(&self, pass_role: PassRole) {
        self.service.state().pass_role = pass_role;
    }

    /// Replaces what a filter by prefix of `sub` finds.
    pub fn set_sub_prefix(&self, sub_prefix: SubPrefix) {
        self.service.state().sub_prefix = sub_prefix;
    }

    /// Moves the simulator's clock forward: tokens expire, quotas refill, domains and import jobs get ready.
    pub fn advance_clock(&self, by: Duration) {
        self.service.control().clock_offset += by;
    }
}

fn parse(region: &str) -> Result<Region, ServiceError> {
    Region::parse(region).ok_or_else(|| {
        ServiceError::client(
            "SimulatorControlException",
            format!("there is no Region {region}"),
        )
    })
}
