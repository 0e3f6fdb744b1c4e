//! CLIXML there and back, and what is refused.

use proptest::prelude::*;

use super::*;

fn node() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        Just(Node::Nil),
        any::<bool>().prop_map(Node::Bool),
        any::<char>().prop_map(Node::Char),
        any::<i32>().prop_map(Node::Int),
        any::<u32>().prop_map(Node::Uint),
        any::<i64>().prop_map(Node::Long),
        any::<String>().prop_map(Node::Text),
        "[_xX0-9A-F]{0,20}".prop_map(Node::Text),
        proptest::collection::vec(any::<u8>(), 0..20).prop_map(Node::Bytes),
        "[a-f0-9-]{36}".prop_map(Node::Guid),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        let members = proptest::collection::vec((any::<String>(), inner.clone()), 0..4);
        let body = prop_oneof![
            Just(Body::None),
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Body::List),
            proptest::collection::vec((inner.clone(), inner), 0..3).prop_map(Body::Dictionary),
        ];
        (
            proptest::collection::vec("[A-Z][a-z.]{0,9}", 0..3),
            proptest::option::of(any::<String>()),
            body,
            members,
        )
            .prop_map(|(types, text, body, extended)| {
                Node::Object(Box::new(ObjectNode { types, text, body, properties: Vec::new(), extended }))
            })
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back(nodes in proptest::collection::vec(node(), 0..4)) {
        prop_assert_eq!(read(&write(&nodes)), Ok(nodes));
    }

    #[test]
    fn arbitrary_text_never_panics(text in "(<Objs>|<Obj RefId=\"0\">|<S>|</S>|<LST>|<Ref RefId=\"0\" />|&amp;|_x0041_|\\PC){0,30}") {
        let _ = read(&text);
    }
}

#[test]
fn looks_as_the_specification_shows() {
    let object = ObjectNode {
        types: vec!["A.Mailbox".into(), "System.Object".into()],
        text: Some("Nuno".into()),
        extended: vec![
            ("Name".into(), Node::Text("a<b\n\u{1f600}_x".into())),
            ("Items".into(), Node::Int(5)),
        ],
        ..ObjectNode::default()
    };
    let twice = vec![
        Node::Object(Box::new(object.clone())),
        Node::Object(Box::new(ObjectNode { text: None, extended: Vec::new(), ..object })),
    ];
    assert_eq!(
        write(&twice),
        "<Objs Version=\"1.1.0.1\" xmlns=\"http://schemas.microsoft.com/powershell/2004/04\"><Obj RefId=\"0\"><TN \
         RefId=\"0\"><T>A.Mailbox</T><T>System.Object</T></TN><ToString>Nuno</ToString><MS><S \
         N=\"Name\">a&lt;b_x000A__xD83D__xDE00__x005F_x</S><I32 N=\"Items\">5</I32></MS></Obj><Obj RefId=\"1\"><TNRef \
         RefId=\"0\" /></Obj></Objs>"
    );
}

#[test]
fn bombs_are_refused() {
    let deep = format!("{}{}", "<Obj RefId=\"0\"><LST>".repeat(1000), "</LST></Obj>".repeat(1000));
    assert_eq!(read(&deep), Err(ReadError::TooLarge));
    // Each object holds the one before twice.
    let mut bomb = String::from("<Objs><Obj RefId=\"0\"><LST><S>x</S></LST></Obj>");
    for id in 1..60 {
        let before = id - 1;
        bomb.push_str(&format!(
            "<Obj RefId=\"{id}\"><LST><Ref RefId=\"{before}\" /><Ref RefId=\"{before}\" /></LST></Obj>"
        ));
    }
    bomb.push_str("</Objs>");
    assert_eq!(read(&bomb), Err(ReadError::TooLarge));
    let mut chain = String::from("<Objs><Obj RefId=\"0\"><LST /></Obj>");
    for id in 1..500 {
        chain.push_str(&format!("<Obj RefId=\"{id}\"><LST><Ref RefId=\"{}\" /></LST></Obj>", id - 1));
    }
    assert_eq!(read(&(chain + "</Objs>")), Err(ReadError::TooLarge));
    let entities = "<!DOCTYPE x [<!ENTITY a \"b\">]><Objs><S>&a;</S></Objs>";
    assert!(matches!(read(entities), Err(ReadError::Malformed(_))));
}
