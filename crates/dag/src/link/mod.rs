//! Links between servers: mutual TLS, one connection a pair of servers, requests multiplexed on it.
