//! The routes and their handlers. Adding one is one line in [`ROUTES`] and one function.

use std::net::SocketAddr;

use hyper::{Method, Request, StatusCode, body::Incoming};

use super::{Answer, Route, Settings, text, typed};

const READ: &[Method] = &[Method::GET, Method::HEAD];

/// Every path the server answers, sorted.
pub static ROUTES: &[Route] = &[
    Route { path: "/", methods: READ, handler: front_page },
    Route { path: "/healthcheck.htm", methods: READ, handler: health_check },
    Route { path: "/metrics", methods: READ, handler: metrics },
];

fn front_page(settings: &Settings, _: &SocketAddr, _: &Request<Incoming>) -> Answer {
    let name = settings.server_name.replace('&', "&amp;").replace('<', "&lt;");
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Rialto</title>\
         <body style=\"font-family:sans-serif;max-width:40em;margin:4em auto\"><h1>Rialto</h1>\
         <p>The messaging server {name} is running. Mail clients connect by IMAP, POP3 and SMTP; \
         administrators use <code>rialto shell</code>.</p></body></html>\n"
    );
    typed(StatusCode::OK, "text/html; charset=utf-8", page)
}

/// What load balancers ask: `200 OK` and the server's name, as the product's own virtual directories answer.
fn health_check(settings: &Settings, _: &SocketAddr, _: &Request<Incoming>) -> Answer {
    text(StatusCode::OK, format!("200 OK\r\n{}\r\n", settings.server_name))
}

/// Prometheus' text format; for the machine itself only.
fn metrics(settings: &Settings, peer: &SocketAddr, _: &Request<Incoming>) -> Answer {
    if peer.ip().to_canonical().is_loopback() {
        typed(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", (settings.metrics)())
    } else {
        text(StatusCode::FORBIDDEN, "Metrics are served to this machine only.\r\n")
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn routes_are_sorted_and_lower_case() {
        assert!(super::ROUTES.is_sorted_by_key(|route| route.path));
        assert!(super::ROUTES.iter().all(|route| route.path == route.path.to_lowercase()));
    }
}
