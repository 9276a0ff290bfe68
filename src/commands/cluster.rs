//! CLUSTER and its kin, as a server answers that is no node of a cluster: Redis 7.0 refuses all of them, CLUSTER HELP included.

use crate::engine::call::Call;
use crate::engine::errors::{self, Error};
use crate::engine::spec::{BLANK, Spec};

#[rustfmt::skip]
pub const COMMANDS: &[Spec] = &[
    Spec {
        name: "asking", arity: 1, flags: "fast", acl: "connection", group: "cluster", since: "3.0.0",
        summary: "Lets the next command use a slot that this node is importing.", complexity: "O(1)", run: disabled, ..BLANK
    },
    Spec {
        name: "cluster", arity: -2, group: "cluster", since: "3.0.0",
        summary: "Groups the commands about the cluster.", complexity: "Depends on the subcommand", subs: CLUSTER, ..BLANK
    },
    Spec {
        name: "readonly", arity: 1, flags: "loading stale fast", acl: "connection", group: "cluster", since: "3.0.0",
        summary: "Allows this connection to read from a replica in a cluster.", complexity: "O(1)", run: disabled, ..BLANK
    },
    Spec {
        name: "readwrite", arity: 1, flags: "loading stale fast", acl: "connection", group: "cluster", since: "3.0.0",
        summary: "Ends what READONLY allowed.", complexity: "O(1)", run: disabled, ..BLANK
    },
];

#[rustfmt::skip]
const CLUSTER: &[Spec] = &[
    Spec {
        name: "addslots", arity: -3, flags: "admin stale no_async_loading", group: "cluster", since: "3.0.0",
        syntax: "slot:int...",
        summary: "Gives slots to this node.", complexity: "O(N) in the slots", run: disabled, ..BLANK
    },
    Spec {
        name: "addslotsrange", arity: -4, flags: "admin stale no_async_loading", group: "cluster", since: "7.0.0",
        syntax: "range(start-slot:int end-slot:int)...",
        summary: "Gives ranges of slots to this node.", complexity: "O(N) in the slots", run: disabled, ..BLANK
    },
    Spec {
        name: "bumpepoch", arity: 2, flags: "admin stale no_async_loading", group: "cluster", since: "3.0.0",
        summary: "Moves this node's configuration epoch ahead.", complexity: "O(1)", tips: "nondeterministic_output",
        run: disabled, ..BLANK
    },
    Spec {
        name: "count-failure-reports", arity: 3, flags: "admin stale", group: "cluster", since: "3.0.0",
        syntax: "node-id",
        summary: "Counts how many nodes report that a node failed.", complexity: "O(N) in the reports",
        tips: "nondeterministic_output", run: disabled, ..BLANK
    },
    Spec {
        name: "countkeysinslot", arity: 3, flags: "stale", group: "cluster", since: "3.0.0",
        syntax: "slot:int",
        summary: "Counts the keys of a slot.", complexity: "O(1)", run: disabled, ..BLANK
    },
    Spec {
        name: "delslots", arity: -3, flags: "admin stale no_async_loading", group: "cluster", since: "3.0.0",
        syntax: "slot:int...",
        summary: "Takes slots from the node that has them, as this node sees it.", complexity: "O(N) in the slots",
        run: disabled, ..BLANK
    },
    Spec {
        name: "delslotsrange", arity: -4, flags: "admin stale no_async_loading", group: "cluster", since: "7.0.0",
        syntax: "range(start-slot:int end-slot:int)...",
        summary: "Takes ranges of slots from the nodes that have them, as this node sees it.", complexity: "O(N) in the slots",
        run: disabled, ..BLANK
    },
    Spec {
        name: "failover", arity: -2, flags: "admin stale no_async_loading", group: "cluster", since: "3.0.0",
        syntax: "[options<FORCE|TAKEOVER>]",
        summary: "Makes this replica take its primary's place.", complexity: "O(1)", run: disabled, ..BLANK
    },
    Spec {
        name: "flushslots", arity: 2, flags: "admin stale no_async_loading", group: "cluster", since: "3.0.0",
        summary: "Takes all slots from this node.", complexity: "O(1)", run: disabled, ..BLANK
    },
    Spec {
        name: "forget", arity: 3, flags: "admin stale no_async_loading", group: "cluster", since: "3.0.0",
        syntax: "node-id",
        summary: "Removes a node from those that this node knows.", complexity: "O(1)", run: disabled, ..BLANK
    },
    Spec {
        name: "getkeysinslot", arity: 4, flags: "stale", group: "cluster", since: "3.0.0",
        syntax: "slot:int count:int",
        summary: "Lists keys of a slot.", complexity: "O(N) in the keys asked for", tips: "nondeterministic_output",
        run: disabled, ..BLANK
    },
    Spec {
        name: "help", arity: 2, flags: "loading stale", group: "cluster", since: "5.0.0",
        summary: "Explains the subcommands.", complexity: "O(1)", run: disabled, ..BLANK
    },
    Spec {
        name: "info", arity: 2, flags: "stale", group: "cluster", since: "3.0.0",
        summary: "Tells how the cluster is, as this node sees it.", complexity: "O(1)", tips: "nondeterministic_output",
        run: disabled, ..BLANK
    },
    Spec {
        name: "keyslot", arity: 3, flags: "stale", group: "cluster", since: "3.0.0",
        syntax: "key:string",
        summary: "Tells the slot of a key.", complexity: "O(N) in the length of the key", run: disabled, ..BLANK
    },
    Spec {
        name: "links", arity: 2, flags: "stale", group: "cluster", since: "7.0.0",
        summary: "Lists the connections of this node's cluster bus.", complexity: "O(N) in the nodes",
        tips: "nondeterministic_output", run: disabled, ..BLANK
    },
    Spec {
        name: "meet", arity: -4, flags: "admin stale no_async_loading", group: "cluster", since: "3.0.0",
        syntax: "ip port:int [cluster-bus-port:int@4.0.0]",
        summary: "Brings a node into the cluster.", complexity: "O(1)", run: disabled, ..BLANK
    },
    Spec {
        name: "myid", arity: 2, flags: "stale", group: "cluster", since: "3.0.0",
        summary: "Tells the id of this node.", complexity: "O(1)", run: disabled, ..BLANK
    },
    Spec {
        name: "myshardid", arity: 2, flags: "stale", group: "cluster", since: "7.2.0",
        summary: "Tells the id of this node's shard.", complexity: "O(1)", tips: "nondeterministic_output",
        run: disabled, ..BLANK
    },
    Spec {
        name: "nodes", arity: 2, flags: "stale", group: "cluster", since: "3.0.0",
        summary: "Describes all nodes, one a line.", complexity: "O(N) in the nodes", tips: "nondeterministic_output",
        run: disabled, ..BLANK
    },
    Spec {
        name: "replicas", arity: 3, flags: "admin stale", group: "cluster", since: "5.0.0",
        syntax: "node-id",
        summary: "Lists the replicas of a primary.", complexity: "O(N) in the replicas", tips: "nondeterministic_output",
        run: disabled, ..BLANK
    },
    Spec {
        name: "replicate", arity: 3, flags: "admin stale no_async_loading", group: "cluster", since: "3.0.0",
        syntax: "node-id",
        summary: "Makes this node a replica of another one.", complexity: "O(1)", run: disabled, ..BLANK
    },
    Spec {
        name: "reset", arity: -2, flags: "admin noscript stale", group: "cluster", since: "3.0.0",
        syntax: "[reset-type<HARD|SOFT>]",
        summary: "Makes this node forget the cluster.", complexity: "O(N) in the nodes known", run: disabled, ..BLANK
    },
    Spec {
        name: "saveconfig", arity: 2, flags: "admin stale no_async_loading", group: "cluster", since: "3.0.0",
        summary: "Writes the cluster's state to disk.", complexity: "O(1)", run: disabled, ..BLANK
    },
    Spec {
        name: "set-config-epoch", arity: 3, flags: "admin stale no_async_loading", group: "cluster", since: "3.0.0",
        syntax: "config-epoch:int",
        summary: "Sets the configuration epoch of a fresh node.", complexity: "O(1)", run: disabled, ..BLANK
    },
    Spec {
        name: "setslot", arity: -4, flags: "admin stale no_async_loading", group: "cluster", since: "3.0.0",
        syntax: "slot:int subcommand<IMPORTING importing|MIGRATING migrating|NODE node|STABLE>",
        summary: "Says which node a slot belongs to, or moves to.", complexity: "O(1)", run: disabled, ..BLANK
    },
    Spec {
        name: "shards", arity: 2, flags: "loading stale", group: "cluster", since: "7.0.0",
        summary: "Maps shards to slots and nodes.", complexity: "O(N) in the nodes", tips: "nondeterministic_output",
        run: disabled, ..BLANK
    },
    Spec {
        name: "slaves", arity: 3, flags: "admin stale", group: "cluster", since: "3.0.0",
        syntax: "node-id",
        summary: "Lists the replicas of a primary; the old name of CLUSTER REPLICAS.", complexity: "O(N) in the replicas",
        tips: "nondeterministic_output", deprecated: "5.0.0 `CLUSTER REPLICAS`", run: disabled, ..BLANK
    },
    Spec {
        name: "slots", arity: 2, flags: "loading stale", group: "cluster", since: "3.0.0",
        summary: "Maps ranges of slots to nodes.", complexity: "O(N) in the nodes", tips: "nondeterministic_output",
        deprecated: "7.0.0 `CLUSTER SHARDS`", run: disabled, ..BLANK
    },
];

fn disabled(_: &mut Call<'_>) -> Result<(), Error> {
    Err(errors::CLUSTER_DISABLED)
}
