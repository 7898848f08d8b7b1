//! Roles and their permissions.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Admin,
    Service,
    #[default]
    User,
    Readonly,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Permission {
    Read,
    List,
    Create,
    UpdateOwn,
    Write,
    Admin,
}

impl Role {
    pub(crate) fn permissions(self) -> &'static [Permission] {
        use Permission::{Admin, Create, List, Read, UpdateOwn, Write};
        match self {
            Self::Admin => &[Read, List, Create, UpdateOwn, Write, Admin],
            Self::Service => &[Read, List, Create, UpdateOwn, Write],
            Self::User => &[Read, List, Create, UpdateOwn],
            Self::Readonly => &[Read, List],
        }
    }
}

impl Permission {
    /// The corresponding scope on surfaces whose credentials have scopes.
    pub fn scope(self) -> Option<&'static str> {
        match self {
            Self::Read => Some("mcp:read"),
            Self::List => Some("mcp:tools:list"),
            Self::Create => Some("mcp:tools:call"),
            Self::UpdateOwn => None,
            Self::Write => Some("mcp:write"),
            Self::Admin => Some("mcp:admin"),
        }
    }
}
