//! The one way over which everything reaches AWS.

use std::sync::OnceLock;
use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{
    HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};

/// One connector for all clients, made at the first request: the system's certificates are read
/// once for all of them, not at all by a program that calls nobody, and connections are shared.
///
/// `connect_timeout` holds for every client; a client's own has no effect. A proxy is taken from
/// the environment.
pub fn shared_client(connect_timeout: Duration) -> SharedHttpClient {
    let shared = OnceLock::new();
    http_client_fn(move |_, _| {
        let made = shared.get_or_init(|| SharedHttpConnector::new(connector(connect_timeout)));
        made.clone()
    })
}

pub(crate) fn connector(timeout: Duration) -> Connector {
    Connector::builder()
        .connector_settings(
            HttpConnectorSettings::builder()
                .connect_timeout(timeout)
                .build(),
        )
        .proxy_config(ProxyConfig::from_env())
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build()
}
