//! A server on loopback, on a thread of its own.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use axum::Router;

/// A running server; dropping it stops it.
#[derive(Debug)]
pub struct LoopbackServer {
    address: SocketAddr,
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl LoopbackServer {
    /// Starts one that answers by `router`.
    ///
    /// # Panics
    /// When there is no free port: a test cannot go on then.
    pub fn start(router: Router) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                tokio::select! {
                    _ = axum::serve(listener, router) => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            address,
            _stop: stop,
        }
    }

    /// The endpoint.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}
