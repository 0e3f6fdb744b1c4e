//! The resolver against a name server on loopback: what is permanent and what may pass.

use hickory_resolver::proto::{
    op::{Message, ResponseCode},
    rr::{Name, RData, Record, RecordType, rdata::MX},
};
use tokio::net::UdpSocket;

use super::*;

/// Answers questions over UDP by a table of its own.
async fn name_server() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut packet = [0; 1500];
        loop {
            let (len, peer) = socket.recv_from(&mut packet).await.unwrap();
            let question = Message::from_vec(&packet[..len]).unwrap();
            socket.send_to(&answer(question).to_vec().unwrap(), peer).await.unwrap();
        }
    });
    address
}

fn answer(question: Message) -> Message {
    let query = question.queries[0].clone();
    let name = query.name().to_string().to_lowercase();
    let mx = |preference, host: &str| RData::MX(MX::new(preference, Name::from_utf8(host).unwrap()));
    let (code, records) = match (name.as_str(), query.query_type()) {
        ("two.example.", RecordType::MX) => {
            (ResponseCode::NoError, vec![mx(20, "b.example."), mx(10, "a.example.")])
        }
        ("null.example.", RecordType::MX) => (ResponseCode::NoError, vec![mx(0, ".")]),
        ("plain.example." | "a.example.", RecordType::A) => {
            (ResponseCode::NoError, vec![RData::A("192.0.2.1".parse().unwrap())])
        }
        ("plain.example." | "a.example.", RecordType::AAAA) => {
            (ResponseCode::NoError, vec![RData::AAAA("2001:db8::1".parse().unwrap())])
        }
        ("plain.example." | "empty.example.", _) => (ResponseCode::NoError, Vec::new()),
        ("broken.example.", _) => (ResponseCode::ServFail, Vec::new()),
        _ => (ResponseCode::NXDomain, Vec::new()),
    };
    let mut response = question.into_response();
    response.metadata.response_code = code;
    let record = |data| Record::from_rdata(query.name().clone(), 60, data);
    response.add_answers(records.into_iter().map(record));
    response
}

#[tokio::test]
async fn exchangers_and_addresses() {
    let resolver = Resolver::with_servers(&[name_server().await]).unwrap();
    let two = resolver.exchangers("two.example").await.unwrap();
    assert_eq!(two, [(10, "a.example".to_owned()), (20, "b.example".to_owned())]);
    assert_eq!(resolver.exchangers("null.example").await, Err(DnsError::NullMx));
    assert_eq!(resolver.exchangers("plain.example").await, Ok(Vec::new()));
    assert_eq!(resolver.exchangers("gone.example").await, Err(DnsError::NoSuchDomain));
    let addresses: Vec<std::net::IpAddr> = vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()];
    assert_eq!(resolver.addresses("a.example").await, Ok(addresses));
    assert_eq!(resolver.addresses("empty.example").await, Err(DnsError::NoSuchDomain));
}

#[tokio::test]
async fn trouble_passes() {
    let resolver = Resolver::with_servers(&[name_server().await]).unwrap();
    assert!(resolver.exchangers("broken.example").await.unwrap_err().is_transient());
    assert!(resolver.addresses("broken.example").await.unwrap_err().is_transient());
}
