//! Calls that do not look like one to the guard, and would to another reader.
use super::{ADMIN, Guarded};
use crate::support::call;
use serde_json::json;

/// The refusal of JSON-RPC that all of them get.
async fn assert_refused(g: &Guarded, scope: &str, body: &str, code: i64) {
    let answer = g.post(scope, &[], body.to_owned()).await;
    assert_eq!(answer.status, 400, "{body}: {answer:?}");
    assert_eq!(answer.json()["error"]["code"], code, "{body}");
    g.assert_nothing_came(body);
}

#[tokio::test]
async fn attack_108_a_call_that_passes_as_a_response_or_a_member_that_json_rpc_has_not() {
    let disguises = [
        r#"{"jsonrpc":"2.0","id":7,"error":{},"Method":"tools/call","Params":{"name":"delete","arguments":{}}}"#,
        r#"{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"a"},"METHOD":"tools/call","PARAMS":{"name":"delete"}}"#,
        r#"{"jsonrpc":"2.0","id":7,"result":{},"method":"tools/call","params":{"name":"delete"}}"#,
        r#"{"jsonrpc":"2.0","id":7,"result":{},"params":{"name":"delete"}}"#,
        r#"{"jsonrpc":"2.0","id":7,"result":{},"error":{"code":1,"message":"a"}}"#,
        r#"{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"a","method":"tools/call"}}"#,
        r#"{"jsonrpc":"2.0","id":7,"error":{"code":1,"Code":2,"message":"a"}}"#,
        r#"{"jsonrpc":"2.0","id":7,"error":"a"}"#,
        r#"{"jsonrpc":"2.0","id":7,"method":"ping","Method":"tools/call"}"#,
        r#"{"jsonrpc":"2.0","id":7,"method":"ping","method\u0000":"tools/call"}"#,
        r#"{"jsonrpc":"2.0","id":7,"method":"ping","me\u200bthod":"tools/call"}"#,
        r#"{"jsonrpc":"2.0","id":7,"method":"ping","ｍethod":"tools/call"}"#,
        r#"{"jsonrpc":"2.0","id":7,"method":"ping","paramſ":{"name":"delete"}}"#,
        r#"{"jsonrpc":"2.0","id":7,"method":"ping"," params":{"name":"delete"}}"#,
        r#"{"jsonrpc":"2.0","id":7,"method":"ping","_params":{"name":"delete"}}"#,
        r#"{"jsonrpc":"2.0","id":7,"method":"ping","__proto__":{"method":"tools/call"}}"#,
        r#"{"jsonrpc":"2.0","id":7,"method":"ping","":1}"#,
        r#"{"jsonrpc":"2.0","ID":7,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":7.0,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":-0,"method":"ping"}"#,
        r#"{"jsonrpc":2.0,"id":7,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":7,"method":["tools/call"]}"#,
        r#"{"jsonrpc":"2.0","error":{"code":1,"message":"a"},"id":null}"#,
        r#"{"jsonrpc":"2.0","error":{"code":1,"message":"a"}}"#,
        r#"[{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"delete"}}]"#,
    ];
    for g in Guarded::both().await {
        for body in disguises {
            assert_refused(&g, "mcp:read", body, -32600).await;
        }
    }
}

#[tokio::test]
async fn attack_199_names_so_long_that_comparing_them_takes_time_and_memory_are_refused_unread() {
    // Each of these characters is compared as eighteen, and of marks all that follow each other are sorted first.
    for (long, most) in
        [("\u{fdfa}".repeat(342), "\u{fdfa}".repeat(341)), ("\u{301}".repeat(513), "\u{301}".repeat(512))]
    {
        let called = |name: &str, params: &str| {
            format!(r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"{name}"{params}}}}}"#)
        };
        for g in Guarded::both().await {
            for member in [
                format!(r#","{long}":1"#),
                format!(r#","arguments":{{"{long}":1}}"#),
                format!(r#","_meta":{{"{long}":1}}"#),
            ] {
                assert_refused(&g, "mcp:read", &called("any", &member), -32600).await;
            }
            let method = format!(r#"{{"jsonrpc":"2.0","id":7,"method":"{}"}}"#, "-".repeat(1025));
            assert_refused(&g, "mcp:read", &method, -32600).await;
            let answer = g.post("mcp:admin", &[], called(&long, "")).await;
            assert_eq!((answer.status.as_u16(), &answer.json()["error"]["code"]), (200, &json!(-32602)), "{answer:?}");
            g.assert_nothing_came(&long);
            let good = called(&most, &format!(r#","{most}":1,"arguments":{{"{most}":1}}"#));
            let answer = g.post("mcp:admin", &[], good).await;
            assert!(answer.json()["result"].is_object(), "{answer:?}");
            assert_eq!(g.got.lock().unwrap().drain(..).count(), 1);
        }
    }
}

#[tokio::test]
async fn attack_109_names_that_are_almost_those_that_are_judged() {
    let rules =
        format!("{ADMIN}[[surface.rule]]\ntool = \"write\"\nparameter = \"filePath\"\npattern = \"/public/.*\"\n");
    let g = Guarded::start(&rules).await;
    let named = ["Name", "NAME", "name\u{200d}", "n\u{e4}me", "ｎame", "name ", "_name", "name\\u0000", "na\\u00adme"];
    for name in named {
        let params = format!(r#""name":"any","{name}":"delete""#);
        let body = format!(r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{{params}}}}}"#);
        assert_refused(&g, "mcp:read", &body, -32600).await;
    }
    for params in [
        r#""name":"any","Arguments":{}"#,
        r#""name":"any","argument\u017f":{}"#,
        r#""name":"any","meta":{}"#,
        r#""name":"any","_META":{}"#,
        r#""uri":"a","URI":"b""#,
        r#""name":"any","__proto__":{"name":"delete"}"#,
        r#""name":"any","arguments":{"__proto__":{"filePath":"/secret"}}"#,
        r#""name":"any","a\u0000":1"#,
        r#""name":"any","arguments":{"a\u0000":1}"#,
        r#""name":"any","_meta":{"io.modelcontextprotocol/protocolversion":"2026-07-28"}"#,
        r#""name":"any","_meta":{"io.modelcontextprotocol/ProtocolVersion":"2026-07-28"}"#,
    ] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{{params}}}}}"#);
        assert_refused(&g, "mcp:read", &body, -32600).await;
    }
    for name in ["FilePath", "file_path", "file-path", "FILEPATH", "filePath\u{200b}", "ﬁlePath", "f\u{131}lePath"] {
        for good in [true, false] {
            let mut arguments = json!({name: "/secret"});
            if good {
                arguments["filePath"] = json!("/public/a");
            }
            assert_refused(&g, "mcp:read", &call("write", arguments).to_string(), -32602).await;
        }
    }
    // Nothing rules them there.
    for (tool, arguments) in [
        ("any", json!({"FilePath": 1, "filePath": 2})),
        ("write", json!({"filePath": "/public/a", "other": {"FilePath": 1, "file_path": 2}})),
    ] {
        assert_eq!(g.post("mcp:read", &[], call(tool, arguments).to_string()).await.status, 200);
    }
}

#[tokio::test]
async fn attack_110_a_member_that_occurs_twice_wherever_it_is() {
    for g in Guarded::both().await {
        for body in [
            r#"{"jsonrpc":"2.0","id":7,"method":"ping","method":"tools/call","params":{"name":"delete"}}"#,
            r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"any"},"params":{"name":"delete"}}"#,
            r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"any","n\u0061me":"delete"}}"#,
            r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"any","arguments":{"a":1,"a":2}}}"#,
            r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"any","arguments":{"a":[{"b":{"c":1,"c":1}}]}}}"#,
            r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"any","_meta":{"a":1,"a":1}}}"#,
        ] {
            assert_refused(&g, "mcp:admin", body, -32700).await;
        }
    }
}

#[tokio::test]
async fn attack_111_a_scopeless_token_and_what_has_no_rule() {
    for g in Guarded::both().await {
        for method in [
            "tools/list",
            "tools/call",
            "tasks/list",
            "tasks/get",
            "tasks/result",
            "tasks/cancel",
            "logging/setLevel",
            "resources/read",
            "resources/list",
            "resources/subscribe",
            "prompts/get",
            "completion/complete",
            "sampling/createMessage",
            "roots/list",
            "vendor.example/run",
            "rpc.discover",
            "tool/call",
            "tools/cal",
            "Tools/Call",
            "TOOLS/CALL",
            "tools_call",
            "tools.call",
            "tools/call/",
            "Ping",
            "INITIALIZE",
            "initialise",
            "notifications/cancelled",
            "notifications/Initialized",
            "notifications/roots/list_changed",
            "a",
        ] {
            for scope in ["", "openid"] {
                let params = json!({"name": "any", "uri": "a", "arguments": {}});
                let body = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params});
                let answer = g.post(scope, &[], body.to_string()).await;
                assert_eq!(answer.status, 403, "{method}");
                assert_eq!(answer.challenge("error").as_deref(), Some("insufficient_scope"), "{method}");
                assert!(answer.challenge("scope").unwrap().starts_with("mcp:"), "{method}");
                assert_eq!(answer.json()["error"]["code"], -32001, "{method}");
                g.assert_nothing_came(method);
            }
        }
        for method in ["initialize", "ping", "notifications/initialized"] {
            let body = json!({"jsonrpc": "2.0", "id": 7, "method": method});
            assert_eq!(g.post("", &[], body.to_string()).await.status, 200, "{method}");
        }
        g.take();
        // Nor is a dear tool to be had under almost its name, or by almost the method.
        for (method, tool) in [
            ("tools/call", "Delete"),
            ("Tools/Call", "delete"),
            ("tools-call", "DELETE"),
            ("tools/call", "del_ete"),
            ("tools/call", "delete\u{200b}"),
        ] {
            let body = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": {"name": tool}});
            let answer = g.post("mcp:read", &[], body.to_string()).await;
            assert_eq!(answer.status, 403, "{method} {tool}");
            assert_eq!(answer.challenge("scope").as_deref(), Some("mcp:tools:admin mcp:read"));
            g.assert_nothing_came(tool);
        }
        let cut = g.post("mcp:read", &[], call("delete\0", json!({})).to_string()).await;
        assert_eq!((cut.status.as_u16(), &cut.json()["error"]["code"]), (200, &json!(-32602)));
        g.assert_nothing_came("a name that some read as cut");
    }
}

#[tokio::test]
async fn attack_112_a_method_of_other_characters() {
    for g in Guarded::both().await {
        for method in [
            "",
            " ping",
            "ping ",
            "ping\0",
            "tools\\call",
            "töols/call",
            "tools/call\u{200b}",
            "tools／call",
            "tools/call?a",
            "$/run",
            "a:b",
            "a\nb",
            "tools%2fcall",
        ] {
            let body = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": {"name": "delete"}});
            assert_refused(&g, "mcp:admin", &body.to_string(), -32600).await;
        }
    }
}

#[tokio::test]
async fn attack_114_arguments_that_rules_judge_and_readers_read_in_several_ways() {
    let rule =
        |parameter: &str, rule: &str| format!("[[surface.rule]]\ntool = \"t\"\nparameter = \"{parameter}\"\n{rule}\n");
    let rules = [
        rule("short", "max_length = 3"),
        rule("long", "min_length = 2"),
        rule("there", "required = true"),
        rule("one", "equals = 1"),
        rule("list", "equals = [1, { a = 0 }]"),
        "[[surface.rule]]\ntool = \"t\"\nblocked_substrings = [\"drop table\"]\n".to_owned(),
    ];
    let g = Guarded::start(&rules.concat()).await;
    for (arguments, denied) in [
        (r#""there":"a""#, None),
        (r#""there":"a","short":"abc","long":"ab","one":1,"list":[1,{"a":0}],"free":[1e400,-0]"#, None),
        (r#""there":"a","list":[1.0,{"a":0}]"#, Some("equals")),
        (r#""there":"a","list":[1,{"a":-0}]"#, Some("equals")),
        (r#""there":"a","one":1.0"#, Some("equals")),
        (r#""there":"a","one":1e0"#, Some("equals")),
        (r#""there":"a","one":10e-1"#, Some("equals")),
        (r#""there":"a","one":1.00000000000000000000001"#, Some("equals")),
        (r#""there":"a","one":true"#, Some("equals")),
        (r#""there":"a","one":"1""#, Some("equals")),
        (r#""there":"a","short":["abcdefgh"]"#, Some("max_length")),
        (r#""there":"a","short":12345678"#, Some("max_length")),
        (r#""there":"a","short":{"length":1}"#, Some("max_length")),
        (r#""there":"a","short":null"#, Some("max_length")),
        (r#""there":"a","long":[1,2,3]"#, Some("min_length")),
        (r#""there":"a","long":100"#, Some("min_length")),
        (r#""there":null"#, Some("required")),
        (r#""there":false"#, Some("required")),
        (r#""there":[]"#, Some("required")),
        (r#""there":"a","deep":[{"Drop Table x":1}]"#, Some("blocked_substrings")),
        (r#""there":"a","deep":[["dr\u006fp table"]]"#, Some("blocked_substrings")),
        ("", Some("required")),
    ] {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"t","arguments":{{{arguments}}}}}}}"#
        );
        let answer = g.post("mcp:read", &[], body.clone()).await;
        assert_eq!(answer.status, 200, "{arguments}");
        let came = g.take();
        let rule = answer.json()["error"]["data"]["rule"].as_str().map(str::to_owned);
        assert_eq!(rule.as_deref(), denied, "{arguments}");
        assert_eq!(came.len(), usize::from(denied.is_none()), "{arguments}");
        assert!(came.iter().all(|(.., got)| *got == body.as_bytes()), "{arguments}");
    }
}
