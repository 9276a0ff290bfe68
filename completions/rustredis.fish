# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_rustredis_global_optspecs
    string join \n h/help V/version
end

function __fish_rustredis_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_rustredis_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_rustredis_using_subcommand
    set -l cmd (__fish_rustredis_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c rustredis -n "__fish_rustredis_needs_command" -s h -l help -d 'Print help'
complete -c rustredis -n "__fish_rustredis_needs_command" -s V -l version -d 'Print version'
complete -c rustredis -n "__fish_rustredis_needs_command" -f -a "rdb" -d 'Read snapshots: print, check, summarize, compare, convert, rescue'
complete -c rustredis -n "__fish_rustredis_needs_command" -f -a "aof" -d 'Read append-only files: print, check, and cut what is broken or too late'
complete -c rustredis -n "__fish_rustredis_needs_command" -f -a "serve" -d 'Run the server'
complete -c rustredis -n "__fish_rustredis_needs_command" -f -a "cli" -d 'Talk to a server: one command, a session, or a look at it'
complete -c rustredis -n "__fish_rustredis_needs_command" -f -a "bench" -d 'Load a server, and tell throughput and latencies'
complete -c rustredis -n "__fish_rustredis_using_subcommand rdb; and not __fish_seen_subcommand_from dump check stats diff convert salvage" -s h -l help -d 'Print help'
complete -c rustredis -n "__fish_rustredis_using_subcommand rdb; and not __fish_seen_subcommand_from dump check stats diff convert salvage" -f -a "dump" -d 'Print every key with its value'
complete -c rustredis -n "__fish_rustredis_using_subcommand rdb; and not __fish_seen_subcommand_from dump check stats diff convert salvage" -f -a "check" -d 'Check a file as redis-check-rdb does; exit code 1 if it is broken'
complete -c rustredis -n "__fish_rustredis_using_subcommand rdb; and not __fish_seen_subcommand_from dump check stats diff convert salvage" -f -a "stats" -d 'Summarize a file on one page'
complete -c rustredis -n "__fish_rustredis_using_subcommand rdb; and not __fish_seen_subcommand_from dump check stats diff convert salvage" -f -a "diff" -d 'Tell what changed from one file to another; exit code 0: nothing, 1: something, 2: trouble'
complete -c rustredis -n "__fish_rustredis_using_subcommand rdb; and not __fish_seen_subcommand_from dump check stats diff convert salvage" -f -a "convert" -d 'Write a file again for another server'
complete -c rustredis -n "__fish_rustredis_using_subcommand rdb; and not __fish_seen_subcommand_from dump check stats diff convert salvage" -f -a "salvage" -d 'Save what can be read of a broken file into a new one'
complete -c rustredis -n "__fish_rustredis_using_subcommand rdb; and __fish_seen_subcommand_from dump" -l format -r -f -a "table\t''
json\t'One array'
ndjson\t'An object a line'
csv\t''
resp\t'Commands that make the data again, to be piped into `redis-cli --pipe`'"
complete -c rustredis -n "__fish_rustredis_using_subcommand rdb; and __fish_seen_subcommand_from dump" -l db -d 'Only this database; may be given again' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand rdb; and __fish_seen_subcommand_from dump" -l key -d 'Only keys that fit; may be given again' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand rdb; and __fish_seen_subcommand_from dump" -l not-key -d 'No keys that fit; may be given again' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand rdb; and __fish_seen_subcommand_from dump" -l type -d 'Only this type (string, list, set, zset, hash, stream, module); may be given again' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand rdb; and __fish_seen_subcommand_from dump" -l min-size -d 'Only keys whose records take at least so many bytes of the file (10kb, 1mb …)' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand rdb; and __fish_seen_subcommand_from dump" -l ttl -d 'Only keys that never expire (none), that do (any), or whose time left lies in a range such as 60s..1h or ..1d' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand rdb; and __fish_seen_subcommand_from dump" -l limit -d 'Stop after so many keys' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand rdb; and __fish_seen_subcommand_from dump" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rustredis -n "__fish_rustredis_using_subcommand rdb; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help'
complete -c rustredis -n "__fish_rustredis_using_subcommand rdb; and __fish_seen_subcommand_from stats" -l html -d 'Also write a page with charts, which needs nothing else' -r -F
complete -c rustredis -n "__fish_rustredis_using_subcommand rdb; and __fish_seen_subcommand_from stats" -l separator -d 'What ends a prefix in a key\'s name' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand rdb; and __fish_seen_subcommand_from stats" -l top -d 'How many prefixes and biggest keys to name' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand rdb; and __fish_seen_subcommand_from stats" -s h -l help -d 'Print help'
complete -c rustredis -n "__fish_rustredis_using_subcommand rdb; and __fish_seen_subcommand_from diff" -s h -l help -d 'Print help'
complete -c rustredis -n "__fish_rustredis_using_subcommand rdb; and __fish_seen_subcommand_from convert" -s o -l output -d 'The file to write' -r -F
complete -c rustredis -n "__fish_rustredis_using_subcommand rdb; and __fish_seen_subcommand_from convert" -l target -d 'The oldest server that has to read it; later ones of its family do, too' -r -f -a "redis-6.2\t''
redis-7.0\t''
redis-7.4\t''
redis-8\t''
valkey-9\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand rdb; and __fish_seen_subcommand_from convert" -l drop -d 'Leave out what the target cannot hold'
complete -c rustredis -n "__fish_rustredis_using_subcommand rdb; and __fish_seen_subcommand_from convert" -l no-compression -d 'Leave strings uncompressed'
complete -c rustredis -n "__fish_rustredis_using_subcommand rdb; and __fish_seen_subcommand_from convert" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rustredis -n "__fish_rustredis_using_subcommand rdb; and __fish_seen_subcommand_from salvage" -s o -l output -d 'The file to write' -r -F
complete -c rustredis -n "__fish_rustredis_using_subcommand rdb; and __fish_seen_subcommand_from salvage" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rustredis -n "__fish_rustredis_using_subcommand aof; and not __fish_seen_subcommand_from check dump stats recover" -s h -l help -d 'Print help'
complete -c rustredis -n "__fish_rustredis_using_subcommand aof; and not __fish_seen_subcommand_from check dump stats recover" -f -a "check" -d 'Check a log as redis-check-aof does; exit code 1 if it is broken'
complete -c rustredis -n "__fish_rustredis_using_subcommand aof; and not __fish_seen_subcommand_from check dump stats recover" -f -a "dump" -d 'Print every command with where it stands, its database and its time'
complete -c rustredis -n "__fish_rustredis_using_subcommand aof; and not __fish_seen_subcommand_from check dump stats recover" -f -a "stats" -d 'Summarize a log: operations and bytes by command and by prefix of the keys, and what a rewrite would save'
complete -c rustredis -n "__fish_rustredis_using_subcommand aof; and not __fish_seen_subcommand_from check dump stats recover" -f -a "recover" -d 'Write a log that ends at an earlier point into a new directory'
complete -c rustredis -n "__fish_rustredis_using_subcommand aof; and __fish_seen_subcommand_from check" -l truncate-to-timestamp -d 'Cut off what was written after this time (Unix seconds)' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand aof; and __fish_seen_subcommand_from check" -l fix -d 'Cut off what is behind the last whole command'
complete -c rustredis -n "__fish_rustredis_using_subcommand aof; and __fish_seen_subcommand_from check" -s y -l yes -d 'Cut without asking'
complete -c rustredis -n "__fish_rustredis_using_subcommand aof; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rustredis -n "__fish_rustredis_using_subcommand aof; and __fish_seen_subcommand_from dump" -l format -r -f -a "table\t''
json\t'One array'
ndjson\t'An object a line'
csv\t''
resp\t'Commands that make the data again, to be piped into `redis-cli --pipe`'"
complete -c rustredis -n "__fish_rustredis_using_subcommand aof; and __fish_seen_subcommand_from dump" -l db -d 'Only this database; may be given again' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand aof; and __fish_seen_subcommand_from dump" -l key -d 'Only keys that fit; may be given again' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand aof; and __fish_seen_subcommand_from dump" -l not-key -d 'No keys that fit; may be given again' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand aof; and __fish_seen_subcommand_from dump" -l type -d 'Only this type (string, list, set, zset, hash, stream, module); may be given again' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand aof; and __fish_seen_subcommand_from dump" -l min-size -d 'Only keys whose records take at least so many bytes of the file (10kb, 1mb …)' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand aof; and __fish_seen_subcommand_from dump" -l ttl -d 'Only keys that never expire (none), that do (any), or whose time left lies in a range such as 60s..1h or ..1d' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand aof; and __fish_seen_subcommand_from dump" -l limit -d 'Stop after so many keys' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand aof; and __fish_seen_subcommand_from dump" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rustredis -n "__fish_rustredis_using_subcommand aof; and __fish_seen_subcommand_from stats" -l separator -d 'What ends a prefix in a key\'s name' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand aof; and __fish_seen_subcommand_from stats" -l top -d 'How many commands and prefixes to name' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand aof; and __fish_seen_subcommand_from stats" -s h -l help -d 'Print help'
complete -c rustredis -n "__fish_rustredis_using_subcommand aof; and __fish_seen_subcommand_from recover" -s o -l output -d 'The directory to make; there must be none of this name' -r -F
complete -c rustredis -n "__fish_rustredis_using_subcommand aof; and __fish_seen_subcommand_from recover" -l until-offset -d 'Keep what ends at or before this offset of the last file, or of the one named, as `aof dump` tells both' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand aof; and __fish_seen_subcommand_from recover" -l until-time -d 'Keep what was written until then: Unix seconds, or 2026-01-31T12:00:00Z. Needs a log with aof-timestamp-enabled' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand aof; and __fish_seen_subcommand_from recover" -l before-command -d 'Keep what comes before the first command that begins with these words, each a glob: FLUSHALL, \'DEL user:*\'' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand aof; and __fish_seen_subcommand_from recover" -l nth -d 'Stop before the N-th such command instead' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand aof; and __fish_seen_subcommand_from recover" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l bind -d '[* -::*]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l bind-source-addr -d '[\'\']' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l port -d '[6379]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l tcp-backlog -d '[511]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l tcp-keepalive -d '[300]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l unixsocket -d '[\'\']' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l unixsocketperm -d '[0]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l unixsocketgroup -d '[\'\']' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l timeout -d '[0]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l protected-mode -d '[yes]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l maxclients -d '[10000]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l proto-max-bulk-len -d '[536870912]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l client-query-buffer-limit -d '[1073741824]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l client-output-buffer-limit -d '[normal 0 0 0 replica 268435456 67108864 60 pubsub 33554432 8388608 60]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l maxmemory-clients -d '[0]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l socket-mark-id -d '[0]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l max-new-connections-per-cycle -d '[10]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l max-new-tls-connections-per-cycle -d '[1]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l mptcp -d '[no]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l repl-mptcp -d '[no]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l rdma-bind -d '[\'\']' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l rdma-completion-vector -d '[-1]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l rdma-port -d '[0]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l rdma-rx-size -d '[1048576]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l tls-port -d '[0]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l tls-auth-clients -d '[yes]' -r -f -a "no\t''
yes\t''
optional\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l tls-auth-clients-user -d '[off]' -r -f -a "CN\t''
URI\t''
off\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l tls-auto-reload-interval -d '[0]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l tls-ca-cert-dir -d '[\'\']' -r -f -a "(__fish_complete_directories)"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l tls-ca-cert-file -d '[\'\']' -r -F
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l tls-cert-file -d '[\'\']' -r -F
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l tls-ciphers -d '[\'\']' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l tls-ciphersuites -d '[\'\']' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l tls-client-cert-file -d '[\'\']' -r -F
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l tls-client-key-file -d '[\'\']' -r -F
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l tls-client-key-file-pass -d '[\'\']' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l tls-cluster -d '[no]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l tls-dh-params-file -d '[\'\']' -r -F
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l tls-key-file -d '[\'\']' -r -F
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l tls-key-file-pass -d '[\'\']' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l tls-prefer-server-ciphers -d '[no]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l tls-protocols -d '[\'\']' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l tls-replication -d '[no]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l tls-session-cache-size -d '[20480]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l tls-session-cache-timeout -d '[300]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l tls-session-caching -d '[yes]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l threads -d '[0]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l io-threads -d '[1]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l metrics-port -d '[0]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l metrics-page -d '[no]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l databases -d '[16]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l dir -d '[.]' -r -f -a "(__fish_complete_directories)"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l daemonize -d '[no]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l supervised -d '[no]' -r -f -a "upstart\t''
systemd\t''
auto\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l pidfile -d '[\'\']' -r -F
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l loglevel -d '[notice]' -r -f -a "debug\t''
verbose\t''
notice\t''
warning\t''
nothing\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l logfile -d '[\'\']' -r -F
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l syslog-enabled -d '[no]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l syslog-ident -d '[redis]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l syslog-facility -d '[local0]' -r -f -a "user\t''
local0\t''
local1\t''
local2\t''
local3\t''
local4\t''
local5\t''
local6\t''
local7\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l always-show-logo -d '[no]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l set-proc-title -d '[yes]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l proc-title-template -d '[{title} {listen-addr} {server-mode}]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l disable-thp -d '[yes]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l oom-score-adj -d '[no]' -r -f -a "no\t''
yes\t''
relative\t''
absolute\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l oom-score-adj-values -d '[0 200 800]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l shutdown-timeout -d '[10]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l shutdown-on-sigint -d '[default]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l shutdown-on-sigterm -d '[default]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l hz -d '[10]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l hide-user-data-from-log -d '[no]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l availability-zone -d '[\'\']' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l locale-collate -d '[\'\']' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l dynamic-hz -d '[yes]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l crash-log-enabled -d '[yes]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l crash-memcheck-enabled -d '[yes]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l ignore-warnings -d '[\'\']' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l server-cpulist -d '[\'\']' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l bio-cpulist -d '[\'\']' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l bgsave-cpulist -d '[\'\']' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l aof-rewrite-cpulist -d '[\'\']' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l prefetch-batch-max-size -d '[16]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l log-format -d '[legacy]' -r -f -a "legacy\t''
logfmt\t''
json\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l log-timestamp-format -d '[legacy]' -r -f -a "legacy\t''
iso8601\t''
milliseconds\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l hash-seed -d '[\'\']' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l extended-redis-compatibility -d '[no]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l requirepass -d '[\'\']' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l aclfile -d '[\'\']' -r -F
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l acl-pubsub-default -d '[resetchannels]' -r -f -a "allchannels\t''
resetchannels\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l acllog-max-len -d '[128]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l enable-protected-configs -d '[no]' -r -f -a "no\t''
yes\t''
local\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l enable-debug-command -d '[no]' -r -f -a "no\t''
yes\t''
local\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l enable-module-command -d '[no]' -r -f -a "no\t''
yes\t''
local\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l sanitize-dump-payload -d '[no]' -r -f -a "no\t''
yes\t''
clients\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l maxmemory -d '[0]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l maxmemory-policy -d '[noeviction]' -r -f -a "volatile-lru\t''
volatile-lfu\t''
volatile-random\t''
volatile-ttl\t''
allkeys-lru\t''
allkeys-lfu\t''
allkeys-random\t''
noeviction\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l maxmemory-samples -d '[5]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l maxmemory-eviction-tenacity -d '[10]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l lfu-log-factor -d '[10]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l lfu-decay-time -d '[1]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l active-expire-effort -d '[1]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l lazyfree-lazy-eviction -d '[no]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l lazyfree-lazy-expire -d '[no]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l lazyfree-lazy-server-del -d '[no]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l lazyfree-lazy-user-del -d '[no]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l lazyfree-lazy-user-flush -d '[no]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l tracking-table-max-keys -d '[1000000]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l activerehashing -d '[yes]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l activedefrag -d '[no]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l active-defrag-cycle-min -d '[1]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l active-defrag-cycle-max -d '[25]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l active-defrag-cycle-us -d '[500]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l active-defrag-ignore-bytes -d '[104857600]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l active-defrag-max-scan-fields -d '[1000]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l active-defrag-threshold-lower -d '[10]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l active-defrag-threshold-upper -d '[100]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l jemalloc-bg-thread -d '[yes]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l import-mode -d '[no]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l hash-max-listpack-entries -d '[512]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l hash-max-listpack-value -d '[64]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l zset-max-listpack-entries -d '[128]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l zset-max-listpack-value -d '[64]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l set-max-intset-entries -d '[512]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l set-max-listpack-entries -d '[128]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l set-max-listpack-value -d '[64]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l list-max-listpack-size -d '[-2]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l list-compress-depth -d '[0]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l stream-node-max-bytes -d '[4096]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l stream-node-max-entries -d '[100]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l hll-sparse-max-bytes -d '[3000]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l save -d '[3600 1 300 100 60 10000]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l dbfilename -d '[dump.rdb]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l rdbcompression -d '[yes]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l rdbchecksum -d '[yes]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l rdb-save-incremental-fsync -d '[yes]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l rdb-del-sync-files -d '[no]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l field-expiry-format -d '[valkey-9]' -r -f -a "valkey-9\t''
redis-7.4\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l stop-writes-on-bgsave-error -d '[yes]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l rdb-version-check -d '[strict]' -r -f -a "strict\t''
relaxed\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l appendonly -d '[no]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l appendfilename -d '[appendonly.aof]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l appenddirname -d '[appendonlydir]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l appendfsync -d '[everysec]' -r -f -a "everysec\t''
always\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l no-appendfsync-on-rewrite -d '[no]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l auto-aof-rewrite-percentage -d '[100]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l auto-aof-rewrite-min-size -d '[67108864]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l aof-load-truncated -d '[yes]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l aof-use-rdb-preamble -d '[yes]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l aof-timestamp-enabled -d '[no]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l aof-rewrite-incremental-fsync -d '[yes]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l replicaof -d '[\'\']' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l masterauth -d '[\'\']' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l masteruser -d '[\'\']' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l replica-serve-stale-data -d '[yes]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l replica-read-only -d '[yes]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l replica-ignore-maxmemory -d '[yes]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l replica-ignore-disk-write-errors -d '[no]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l replica-lazy-flush -d '[no]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l replica-priority -d '[100]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l replica-announced -d '[yes]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l replica-announce-ip -d '[\'\']' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l replica-announce-port -d '[0]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l replica-full-sync-buffer-limit -d '[0]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l repl-diskless-sync -d '[yes]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l repl-diskless-sync-delay -d '[5]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l repl-diskless-sync-max-replicas -d '[0]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l repl-diskless-load -d '[disabled]' -r -f -a "disabled\t''
on-empty-db\t''
swapdb\t''
flush-before-load\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l repl-ping-replica-period -d '[10]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l repl-timeout -d '[60]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l repl-disable-tcp-nodelay -d '[no]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l repl-backlog-size -d '[1048576]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l repl-backlog-ttl -d '[3600]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l min-replicas-to-write -d '[0]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l min-replicas-max-lag -d '[10]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l propagation-error-behavior -d '[ignore]' -r -f -a "ignore\t''
panic\t''
panic-on-replicas\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l dual-channel-replication-enabled -d '[no]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l slowlog-log-slower-than -d '[10000]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l slowlog-max-len -d '[128]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l latency-monitor-threshold -d '[0]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l latency-tracking -d '[yes]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l latency-tracking-info-percentiles -d '[50 99 99.9]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l notify-keyspace-events -d '[\'\']' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l busy-reply-threshold -d '[5000]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l commandlog-large-reply-max-len -d '[128]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l commandlog-large-request-max-len -d '[128]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l commandlog-reply-larger-than -d '[1048576]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l commandlog-request-larger-than -d '[1048576]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l cluster-enabled -d '[no]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l cluster-config-file -d '[nodes.conf]' -r -F
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l cluster-port -d '[0]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l cluster-databases -d '[1]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l cluster-node-timeout -d '[15000]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l cluster-allow-pubsubshard-when-down -d '[yes]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l cluster-allow-reads-when-down -d '[no]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l cluster-allow-replica-migration -d '[yes]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l cluster-announce-bus-port -d '[0]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l cluster-announce-client-ipv4 -d '[\'\']' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l cluster-announce-client-ipv6 -d '[\'\']' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l cluster-announce-client-port -d '[0]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l cluster-announce-client-tls-port -d '[0]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l cluster-announce-hostname -d '[\'\']' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l cluster-announce-human-nodename -d '[\'\']' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l cluster-announce-ip -d '[\'\']' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l cluster-announce-port -d '[0]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l cluster-announce-tls-port -d '[0]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l cluster-blacklist-ttl -d '[60]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l cluster-compatibility-sample-ratio -d '[0]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l cluster-config-save-behavior -d '[sync]' -r -f -a "sync\t''
best-effort\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l cluster-link-sendbuf-limit -d '[0]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l cluster-manual-failover-timeout -d '[5000]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l cluster-migration-barrier -d '[1]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l cluster-preferred-endpoint-type -d '[ip]' -r -f -a "ip\t''
hostname\t''
unknown-endpoint\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l cluster-replica-no-failover -d '[no]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l cluster-replica-validity-factor -d '[10]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l cluster-require-full-coverage -d '[yes]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l cluster-slot-migration-log-max-len -d '[1000]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l cluster-slot-stats-enabled -d '[no]' -r -f -a "yes\t''
no\t''"
complete -c rustredis -n "__fish_rustredis_using_subcommand serve" -l slot-migration-max-failover-repl-bytes -d '[0]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -s h -d 'Server\'s host [127.0.0.1]' -r -f -a "(__fish_print_hostnames)"
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -s p -d 'Server\'s port [6379]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -s s -d 'A Unix socket, instead of host and port' -r -F
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -s u -d 'redis://[[user:]password@]host[:port][/db], rediss://, unix://path' -r -f
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -s n -d 'Database number' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -s t -d 'How long to wait for a connection, such as 0.5' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -s a -d 'Password; safer in the environment: REDISCLI_AUTH' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l pass -d 'The same as -a' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l user -d 'User\'s name for AUTH; needs a password' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l sni -d 'Server\'s name to ask for' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l cacert -d 'Certificates to trust' -r -F
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l cacertdir -d 'A directory of such files; without either the system\'s are trusted' -r -f -a "(__fish_complete_directories)"
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l cert -d 'Certificate to show' -r -F
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l key -d 'Its private key' -r -F
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l tls-ciphers -d 'Ciphers up to TLS 1.2, best first, with \':\' between' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l tls-ciphersuites -d 'Cipher suites of TLS 1.3, likewise' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -s r -d 'Run it N times; negative: for ever' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -s i -d 'Pause between runs, lines of --stat, SCAN calls, such as 0.1' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -s X -d 'Take the argument TAG from standard input' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l eval -d 'Run a Lua script: keys, a comma, arguments' -r -F
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -s d -d 'Between elements of raw replies [\\n]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -s D -d 'Between raw replies [\\n]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l show-pushes -d 'Show RESP3\'s pushes; as a rule on a terminal' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l view -d 'In the REPL: table, redis, json or raw' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l intrinsic-latency -d 'What this machine itself adds' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l lru-test -d 'A cache\'s work, 80 to 20, with so many keys' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l top -d 'Busiest commands, keys and clients, from so long a MONITOR' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l save -d 'Keep what --top saw, for a replay' -r -F
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l rdb -d 'Fetch a snapshot; \'-\' for standard output' -r -F
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l functions-rdb -d 'Fetch a snapshot of the functions only' -r -F
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l pattern -d 'Only keys that fit' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l quoted-pattern -d 'The same, in quotes with escapes' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l count -d 'SCAN\'s COUNT' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l type -d 'Only keys of a type, for --scan' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l cursor -d 'Where --scan and --keystats begin' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l memkeys-samples -d 'The same, sampling N elements of each' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l keystats-samples -d 'The same, sampling N elements of each' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l pipe-timeout -d 'How long to wait for the last reply [30]; 0: for ever' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l import -d 'Run the commands of a file (\'-\': standard input), inline or RESP, errors with line numbers' -r -F
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l del-match -d 'Delete the keys that fit' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l expire-match -d 'Let the keys that fit expire' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l rate -d 'At most N keys a second' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l journal -d 'Keep what is deleted or changed, for --undo' -r -F
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l resume -d 'Where to keep the place, and to go on from it' -r -F
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l undo -d 'Restore what a journal keeps' -r -F
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l cluster -d 'Manage a cluster; --cluster help lists the commands' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l cluster-replicas -d 'create: replicas of each primary' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l cluster-master-id -d 'add-node: whose replica' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l cluster-from -d 'reshard, import: from where' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l cluster-from-user -d 'import: user at the source' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l cluster-from-pass -d 'import: password at the source' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l cluster-to -d 'reshard: to where' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l cluster-slots -d 'reshard: how many slots' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l cluster-timeout -d 'Limit of each MIGRATE [60000]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l cluster-pipeline -d 'Keys of each MIGRATE [10]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l cluster-weight -d 'rebalance: weights' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l cluster-threshold -d 'rebalance: what is too far from even [2]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -s 4 -d 'Only IPv4 addresses of the host'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -s 6 -d 'Only its IPv6 addresses'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -s 2 -d 'Speak RESP2'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -s 3 -d 'Speak RESP3'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -s c -d 'Follow MOVED and ASK of a cluster, in every mode'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l askpass -d 'Ask for the password on the terminal'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l no-auth-warning -d 'No warning of a password on the command line'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l tls -d 'Speak TLS'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l insecure -d 'Do not check the server\'s certificate'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -s x -d 'Take the last argument from standard input'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -s e -d 'Exit code 1, and the text on standard error, for an error reply'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l quoted-input -d 'Arguments in quotes have escapes'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l ldb -d 'Run the script of --eval step by step, in a server with a debugger'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l ldb-sync-mode -d 'The same, holding the server up; what the script writes stays'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l yes -d 'Yes to what the guard rails would ask'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l read-only -d 'Refuse commands that write'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l raw -d 'Replies as they are; so without a terminal'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l no-raw -d 'Replies for people, without a terminal too'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l csv -d 'As comma-separated values'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l json -d 'As JSON, by RESP3 unless -2'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l quoted-json -d 'As JSON of ASCII only'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l verbose -d 'Say more'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l stat -d 'Figures of the server, a line each second'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l latency -d 'Sample the latency'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l latency-history -d 'A line of it every 15 seconds, or -i'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l latency-dist -d 'It as a spectrum of colours'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l replica -d 'Show what a replica is sent'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l slave -d 'The same'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l scan -d 'List keys with SCAN'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l bigkeys -d 'Keys with the most elements'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l memkeys -d 'Keys with the most memory'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l keystats -d 'Both, with the distribution of sizes'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l hotkeys -d 'Keys used most; needs an LFU policy'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l no-key-completion -d 'Tab does not ask the server for keys'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l pipe -d 'Send standard input as it is'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l dry-run -d 'Say what would be hit, and change nothing'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l cluster-yes -d 'Yes to questions'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l cluster-only-masters -d 'call: primaries only'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l cluster-only-replicas -d 'call: replicas only'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l cluster-search-multiple-owners -d 'check, fix: look for slots with several owners'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l cluster-fix-with-unreachable-masters -d 'fix: give the slots of primaries that cannot be reached to others'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l cluster-from-askpass -d 'import: ask for the password of the source'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l cluster-replace -d 'reshard, rebalance: overwrite keys that exist'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l cluster-copy -d 'import: keep the keys at their source'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l cluster-slave -d 'add-node: as a replica'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l cluster-use-empty-masters -d 'rebalance: primaries without slots too'
complete -c rustredis -n "__fish_rustredis_using_subcommand cli" -l cluster-simulate -d 'rebalance: say what would move'
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -s h -l host -l server -d 'Server\'s host [127.0.0.1]' -r -f -a "(__fish_print_hostnames)"
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -s p -l port -d 'Server\'s port [6379]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -s s -l unix-socket -d 'A Unix socket, instead of host and port' -r -F
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -s u -d 'redis://[[user:]password@]host[:port][/db], rediss://, unix://path' -r -f
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -s a -d 'Password' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l user -d 'User\'s name for AUTH; needs -a' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l dbnum -l select-db -d 'Database number [0]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l sni -d 'Server\'s name to ask for' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l cacert -d 'Certificates to trust' -r -F
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l cacertdir -d 'A directory of such files; without either the system\'s are trusted' -r -f -a "(__fish_complete_directories)"
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l cert -d 'Certificate to show' -r -F
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l key -d 'Its private key' -r -F
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l tls-ciphers -d 'Ciphers up to TLS 1.2, best first, with \':\' between' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l tls-ciphersuites -d 'Cipher suites of TLS 1.3, likewise' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -s c -l clients -d 'Parallel connections [50]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -s n -l requests -d 'Requests of a test [100000]; allkeys: one for each key of a mix\'s range' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -s d -l data-size -d 'Size of values [3]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -s P -l pipeline -d 'Requests in a pipeline [1]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -s r -d 'Random numbers below N, of 12 digits, for __rand_int__ and __rand_1st__ in arguments' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -s k -d 'Keep connections [1], or connect anew for every pipeline' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l threads -d 'Threads that send' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l io -d 'A call of the system for each request, or one for several where there is io_uring [auto]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l seed -d 'Start of the random numbers, so that they repeat' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l test-time -d 'Each test takes so long, whatever -n says' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l warmup -d 'Run each test so long first, and forget the figures' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l run-count -d 'Run each test so often, and say how far the runs are apart [1]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l reconnect-interval -d 'Close each connection after N requests, and make a new one' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -s t -d 'Only these of the tests below, with commas between; no effect if a command is given' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l ratio -d 'SETs and GETs in this ratio' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l command -d 'A command of a set; may be given often. __key__ and __data__ stand for a key and a value, __number:LOW-HIGH__ for a number' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l command-ratio -d 'How often, beside the others, the command in front is sent [1]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l command-key-pattern -d 'Which keys the command in front takes' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l key-pattern -d 'Which keys come: R random, S sequential, P parallel, G gaussian, Z zipf [R:R]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l key-prefix -d 'What keys begin with [memtier-]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l key-minimum -d 'Number of the first key [0]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l key-maximum -d 'Number of the last key [10000000]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l key-stddev -d 'Deviation of the gaussian pattern [a sixth of the range]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l key-median -d 'Middle of the gaussian pattern [of the range]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l key-zipf-exp -d 'Exponent of the zipf pattern, up to 5 [1]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l data-size-range -d 'Sizes of values, any between' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l data-size-list -d 'Sizes of values, by weight' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l data-size-dist -d 'normal(MEAN,DEVIATION), lognormal(MEDIAN,SIGMA) or exponential(MEAN)' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l data-size-pattern -d 'Sizes of a range: random, or from the smallest to the largest along the keys [R]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l compressible -d 'Values of which so much repeats itself' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l expiry-range -d 'SETs expire after so many seconds' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l workload -d 'One of those shipped, or a TOML file: phases, mixes, key spaces, sizes, times to live' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l workload-from -d 'A workload like the data of a snapshot: types, sizes, times to live' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l monitor-input -d 'Send what MONITOR showed again, with the gaps it had' -r -F
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l speed -d 'So many times as fast, or without gaps [1x]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l slo -d 'p99<1ms, or several: p50<200us,p99.9<5ms,errors<0.1%' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l step-time -l block-time -d 'How long a step of --find-max takes [3], or a block of ab [1]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l blocks -d 'Blocks of ab on either side [10]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l require -d 'rps>=0.95,p99<=1.1: ab ends with code 2 if a ratio B/A surely misses one of them' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l also -d 'Where else --verify may find the primary after a failover; may be given often' -r -f
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l respond -d 'Be that responder: +OK to everything on this port' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l rate -d 'N requests a second, whether or not the server keeps up; latencies from when each should have gone out' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l arrivals -d 'Gaps between them [poisson]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l json-out-file -d 'Write the JSON document there, beside the text' -r -F
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l html -d 'Write one page with charts there' -r -F
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l hdr-file-prefix -d 'Write histograms of each kind of command to PREFIX_NAME_command_run_N.txt and .hgrm' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l server-stats -d 'Ask the server for INFO each second [with --json, --json-out-file and --html]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l live -d 'Show throughput and percentiles while it runs [on a terminal]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l precision -d 'Significant digits of latencies, 1 to 4 [3]' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l fatal-errors -d 'End at the first error reply; as redis-benchmark does, and else they are counted' -r
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -s 3 -d 'Speak RESP3'
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l cluster -d 'Spread over the primaries of a cluster, a thread for each; keys need the text {tag}'
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l enable-tracking -d 'Send CLIENT TRACKING on first'
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l tls -d 'Speak TLS'
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l insecure -d 'Do not check the server\'s certificate'
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -s x -d 'Take the last argument of the command from standard input'
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -s l -d 'For ever, again and again'
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -s I -d 'Open idle connections, and wait'
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -s R -l random-data -d 'Values that no compression makes smaller [letters]'
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l data-verify -d 'Values follow from their keys: what GETs read is compared, and a wrong value is a failure'
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l list-workloads -d 'The workloads that are shipped, and what each is like'
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l print-workload -d 'Print the workload\'s file instead of running it'
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l find-max -d 'Search the highest rate of the open loop that meets --slo'
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l verify -d 'Write values that check themselves, through restarts: lost writes, wrong reads, time without service'
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l calibrate -d 'Measure this program against a responder that does nothing'
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -s q -d 'A line for each test'
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l csv -d 'Comma-separated values'
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -l json -d 'A JSON document, with figures of every second'
complete -c rustredis -n "__fish_rustredis_using_subcommand bench" -s e -d 'Of old: show errors'

# Behind `rustredis cli`: commands, subcommands, directives and their values.
function __rustredis_follows
    set -l before (commandline -opc)
    test "$before[2]" = cli
    or return 1
    set -e before[1..2]
    set -l said
    set -l skip no
    for word in $before
        if test $skip = yes
            set skip no
        else if test (count $said) -gt 0
            set -a said $word
        else
            switch $word
                case -h -p -s -u -n -t -a --pass --user --sni --cacert --cacertdir --cert --key --tls-ciphers --tls-ciphersuites -r -i -X --eval -d -D --show-pushes --view --intrinsic-latency --lru-test --top --save --rdb --functions-rdb --pattern --quoted-pattern --count --type --cursor --memkeys-samples --keystats-samples -top --pipe-timeout --import --del-match --expire-match --rate --journal --resume --undo --cluster --cluster-replicas --cluster-master-id --cluster-from --cluster-from-user --cluster-from-pass --cluster-to --cluster-slots --cluster-timeout --cluster-pipeline --cluster-weight --cluster-threshold
                    set skip yes
                case '-*' '@*' '*://*' ''
                case '*'
                    set said $word
            end
        end
    end
    test $skip = no
    or return 1
    set -l count (count $said)
    if test $count -eq 0
        string match -q -- '-*' (commandline -ct)
        and return 1
        string split ' ' -- 'acl append asking auth bgrewriteaof bgsave bitcount bitfield bitfield_ro bitop bitpos blmove blmpop blpop brpop brpoplpush bzmpop bzpopmax bzpopmin client cluster command commandlog config copy dbsize debug decr decrby del delex delifeq digest discard dump echo eval eval_ro evalsha evalsha_ro exec exists expire expireat expiretime failover fcall fcall_ro flushall flushdb function geoadd geodist geohash geopos georadius georadius_ro georadiusbymember georadiusbymember_ro geosearch geosearchstore get getbit getdel getex getrange getset hdel hello hexists hexpire hexpireat hexpiretime hget hgetall hgetdel hgetex hincrby hincrbyfloat hkeys hlen hmget hmset hpersist hpexpire hpexpireat hpexpiretime hpttl hrandfield hscan hset hsetex hsetnx hstrlen httl hvals incr incrby incrbyfloat info keys lastsave latency lcs lindex linsert llen lmove lmpop lolwut lpop lpos lpush lpushx lrange lrem lset ltrim memory mget migrate module monitor move mset msetex msetnx multi object persist pexpire pexpireat pexpiretime pfadd pfcount pfdebug pfmerge pfselftest ping psetex psubscribe psync pttl publish pubsub punsubscribe quit randomkey readonly readwrite rename renamenx replconf replicaof reset restore restore-asking role rpop rpoplpush rpush rpushx sadd save scan scard script sdiff sdiffstore select set setbit setex setnx setrange shutdown sinter sintercard sinterstore sismember slaveof slowlog smembers smismember smove sort sort_ro spop spublish srandmember srem sscan ssubscribe strlen subscribe substr sunion sunionstore sunsubscribe swapdb sync time touch ttl type unlink unsubscribe unwatch wait waitaof watch xack xackdel xadd xautoclaim xclaim xdel xdelex xgroup xinfo xlen xpending xrange xread xreadgroup xrevrange xsetid xtrim zadd zcard zcount zdiff zdiffstore zincrby zinter zintercard zinterstore zlexcount zmpop zmscore zpopmax zpopmin zrandmember zrange zrangebylex zrangebyscore zrangestore zrank zrem zremrangebylex zremrangebyrank zremrangebyscore zrevrange zrevrangebylex zrevrangebyscore zrevrank zscan zscore zunion zunionstore'
        return 0
    end
    set -l first (string lower -- $said[1])
    if test $count -eq 1
        __rustredis_subcommands $first
    else if test $first = config
        set -l second (string lower -- $said[2])
        if test $second = get
            or test $second = set -a (math $count % 2) -eq 0
            string split ' ' -- 'acl-pubsub-default aclfile acllog-max-len active-defrag-cycle-max active-defrag-cycle-min active-defrag-cycle-us active-defrag-ignore-bytes active-defrag-max-scan-fields active-defrag-threshold-lower active-defrag-threshold-upper active-expire-effort activedefrag activerehashing always-show-logo aof-load-truncated aof-rewrite-cpulist aof-rewrite-incremental-fsync aof-timestamp-enabled aof-use-rdb-preamble appenddirname appendfilename appendfsync appendonly auto-aof-rewrite-min-size auto-aof-rewrite-percentage availability-zone bgsave-cpulist bind bind-source-addr bio-cpulist busy-reply-threshold client-output-buffer-limit client-query-buffer-limit cluster-allow-pubsubshard-when-down cluster-allow-reads-when-down cluster-allow-replica-migration cluster-announce-bus-port cluster-announce-client-ipv4 cluster-announce-client-ipv6 cluster-announce-client-port cluster-announce-client-tls-port cluster-announce-hostname cluster-announce-human-nodename cluster-announce-ip cluster-announce-port cluster-announce-tls-port cluster-blacklist-ttl cluster-compatibility-sample-ratio cluster-config-file cluster-config-save-behavior cluster-databases cluster-enabled cluster-link-sendbuf-limit cluster-manual-failover-timeout cluster-migration-barrier cluster-node-timeout cluster-port cluster-preferred-endpoint-type cluster-replica-no-failover cluster-replica-validity-factor cluster-require-full-coverage cluster-slot-migration-log-max-len cluster-slot-stats-enabled commandlog-large-reply-max-len commandlog-large-request-max-len commandlog-reply-larger-than commandlog-request-larger-than crash-log-enabled crash-memcheck-enabled daemonize databases dbfilename dir disable-thp dual-channel-replication-enabled dynamic-hz enable-debug-command enable-module-command enable-protected-configs extended-redis-compatibility field-expiry-format hash-max-listpack-entries hash-max-listpack-value hash-seed hide-user-data-from-log hll-sparse-max-bytes hz ignore-warnings import-mode io-threads jemalloc-bg-thread latency-monitor-threshold latency-tracking latency-tracking-info-percentiles lazyfree-lazy-eviction lazyfree-lazy-expire lazyfree-lazy-server-del lazyfree-lazy-user-del lazyfree-lazy-user-flush lfu-decay-time lfu-log-factor list-compress-depth list-max-listpack-size locale-collate log-format log-timestamp-format logfile loglevel masterauth masteruser max-new-connections-per-cycle max-new-tls-connections-per-cycle maxclients maxmemory maxmemory-clients maxmemory-eviction-tenacity maxmemory-policy maxmemory-samples metrics-page metrics-port min-replicas-max-lag min-replicas-to-write mptcp no-appendfsync-on-rewrite notify-keyspace-events oom-score-adj oom-score-adj-values pidfile port prefetch-batch-max-size proc-title-template propagation-error-behavior protected-mode proto-max-bulk-len rdb-del-sync-files rdb-save-incremental-fsync rdb-version-check rdbchecksum rdbcompression rdma-bind rdma-completion-vector rdma-port rdma-rx-size repl-backlog-size repl-backlog-ttl repl-disable-tcp-nodelay repl-diskless-load repl-diskless-sync repl-diskless-sync-delay repl-diskless-sync-max-replicas repl-mptcp repl-ping-replica-period repl-timeout replica-announce-ip replica-announce-port replica-announced replica-full-sync-buffer-limit replica-ignore-disk-write-errors replica-ignore-maxmemory replica-lazy-flush replica-priority replica-read-only replica-serve-stale-data replicaof requirepass sanitize-dump-payload save server-cpulist set-max-intset-entries set-max-listpack-entries set-max-listpack-value set-proc-title shutdown-on-sigint shutdown-on-sigterm shutdown-timeout slot-migration-max-failover-repl-bytes slowlog-log-slower-than slowlog-max-len socket-mark-id stop-writes-on-bgsave-error stream-node-max-bytes stream-node-max-entries supervised syslog-enabled syslog-facility syslog-ident tcp-backlog tcp-keepalive threads timeout tls-auth-clients tls-auth-clients-user tls-auto-reload-interval tls-ca-cert-dir tls-ca-cert-file tls-cert-file tls-ciphers tls-ciphersuites tls-client-cert-file tls-client-key-file tls-client-key-file-pass tls-cluster tls-dh-params-file tls-key-file tls-key-file-pass tls-port tls-prefer-server-ciphers tls-protocols tls-replication tls-session-cache-size tls-session-cache-timeout tls-session-caching tracking-table-max-keys unixsocket unixsocketgroup unixsocketperm zset-max-listpack-entries zset-max-listpack-value'
        else if test $second = set
            __rustredis_values $said[-1]
        end
    end
end

function __rustredis_subcommands
    switch $argv[1]
        case acl
            string split ' ' -- 'cat deluser dryrun genpass getuser help list load log save setuser users whoami'
        case client
            string split ' ' -- 'caching capa getname getredir help id import-source info kill list no-evict no-touch pause reply setinfo setname tracking trackinginfo unblock unpause'
        case cluster
            string split ' ' -- 'addslots addslotsrange bumpepoch count-failure-reports countkeysinslot delslots delslotsrange failover flushslots forget getkeysinslot help info keyslot links meet myid myshardid nodes replicas replicate reset saveconfig set-config-epoch setslot shards slaves slots'
        case command
            string split ' ' -- 'count docs getkeys getkeysandflags help info list'
        case commandlog
            string split ' ' -- 'get help len reset'
        case config
            string split ' ' -- 'get help resetstat rewrite set'
        case function
            string split ' ' -- 'delete dump flush help kill list load restore stats'
        case latency
            string split ' ' -- 'doctor graph help histogram history latest reset'
        case memory
            string split ' ' -- 'doctor help malloc-stats purge stats usage'
        case module
            string split ' ' -- 'help list load loadex unload'
        case object
            string split ' ' -- 'encoding freq help idletime refcount'
        case pubsub
            string split ' ' -- 'channels help numpat numsub shardchannels shardnumsub'
        case script
            string split ' ' -- 'debug exists flush help kill load show'
        case slowlog
            string split ' ' -- 'get help len reset'
        case xgroup
            string split ' ' -- 'create createconsumer delconsumer destroy help setid'
        case xinfo
            string split ' ' -- 'consumers groups help stream'
    end
end

function __rustredis_values
    switch $argv[1]
        case tls-auth-clients-user
            string split ' ' -- 'CN URI off'
        case acl-pubsub-default
            string split ' ' -- 'allchannels resetchannels'
        case loglevel
            string split ' ' -- 'debug verbose notice warning nothing'
        case repl-diskless-load
            string split ' ' -- 'disabled on-empty-db swapdb flush-before-load'
        case appendfsync
            string split ' ' -- 'everysec always no'
        case propagation-error-behavior
            string split ' ' -- 'ignore panic panic-on-replicas'
        case cluster-preferred-endpoint-type
            string split ' ' -- 'ip hostname unknown-endpoint'
        case log-timestamp-format
            string split ' ' -- 'legacy iso8601 milliseconds'
        case log-format
            string split ' ' -- 'legacy logfmt json'
        case sanitize-dump-payload
            string split ' ' -- 'no yes clients'
        case enable-protected-configs enable-debug-command enable-module-command
            string split ' ' -- 'no yes local'
        case tls-auth-clients
            string split ' ' -- 'no yes optional'
        case oom-score-adj
            string split ' ' -- 'no yes relative absolute'
        case rdb-version-check
            string split ' ' -- 'strict relaxed'
        case cluster-config-save-behavior
            string split ' ' -- 'sync best-effort'
        case supervised
            string split ' ' -- 'upstart systemd auto no'
        case syslog-facility
            string split ' ' -- 'user local0 local1 local2 local3 local4 local5 local6 local7'
        case field-expiry-format
            string split ' ' -- 'valkey-9 redis-7.4'
        case maxmemory-policy
            string split ' ' -- 'volatile-lru volatile-lfu volatile-random volatile-ttl allkeys-lru allkeys-lfu allkeys-random noeviction'
        case protected-mode mptcp repl-mptcp tls-cluster tls-prefer-server-ciphers tls-replication tls-session-caching metrics-page daemonize syslog-enabled always-show-logo set-proc-title disable-thp hide-user-data-from-log dynamic-hz crash-log-enabled crash-memcheck-enabled extended-redis-compatibility lazyfree-lazy-eviction lazyfree-lazy-expire lazyfree-lazy-server-del lazyfree-lazy-user-del lazyfree-lazy-user-flush activerehashing activedefrag jemalloc-bg-thread import-mode rdbcompression rdbchecksum rdb-save-incremental-fsync rdb-del-sync-files stop-writes-on-bgsave-error appendonly no-appendfsync-on-rewrite aof-load-truncated aof-use-rdb-preamble aof-timestamp-enabled aof-rewrite-incremental-fsync replica-serve-stale-data replica-read-only replica-ignore-maxmemory replica-ignore-disk-write-errors replica-lazy-flush replica-announced repl-diskless-sync repl-disable-tcp-nodelay dual-channel-replication-enabled latency-tracking cluster-enabled cluster-allow-pubsubshard-when-down cluster-allow-reads-when-down cluster-allow-replica-migration cluster-replica-no-failover cluster-require-full-coverage cluster-slot-stats-enabled
            string split ' ' -- 'yes no'
    end
end

complete -c rustredis -n "__rustredis_follows | string length -q" -f -a "(__rustredis_follows)"
