
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'rustredis' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'rustredis'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'rustredis' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('rdb', 'rdb', [CompletionResultType]::ParameterValue, 'Read snapshots: print, check, summarize, compare, convert, rescue')
            [CompletionResult]::new('aof', 'aof', [CompletionResultType]::ParameterValue, 'Read append-only files: print, check, and cut what is broken or too late')
            [CompletionResult]::new('serve', 'serve', [CompletionResultType]::ParameterValue, 'Run the server')
            [CompletionResult]::new('cli', 'cli', [CompletionResultType]::ParameterValue, 'Talk to a server: one command, a session, or a look at it')
            [CompletionResult]::new('bench', 'bench', [CompletionResultType]::ParameterValue, 'Load a server, and tell throughput and latencies')
            break
        }
        'rustredis;rdb' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('dump', 'dump', [CompletionResultType]::ParameterValue, 'Print every key with its value')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Check a file as redis-check-rdb does; exit code 1 if it is broken')
            [CompletionResult]::new('stats', 'stats', [CompletionResultType]::ParameterValue, 'Summarize a file on one page')
            [CompletionResult]::new('diff', 'diff', [CompletionResultType]::ParameterValue, 'Tell what changed from one file to another; exit code 0: nothing, 1: something, 2: trouble')
            [CompletionResult]::new('convert', 'convert', [CompletionResultType]::ParameterValue, 'Write a file again for another server')
            [CompletionResult]::new('salvage', 'salvage', [CompletionResultType]::ParameterValue, 'Save what can be read of a broken file into a new one')
            break
        }
        'rustredis;rdb;dump' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'format')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Only this database; may be given again')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'Only keys that fit; may be given again')
            [CompletionResult]::new('--not-key', '--not-key', [CompletionResultType]::ParameterName, 'No keys that fit; may be given again')
            [CompletionResult]::new('--type', '--type', [CompletionResultType]::ParameterName, 'Only this type (string, list, set, zset, hash, stream, module); may be given again')
            [CompletionResult]::new('--min-size', '--min-size', [CompletionResultType]::ParameterName, 'Only keys whose records take at least so many bytes of the file (10kb, 1mb …)')
            [CompletionResult]::new('--ttl', '--ttl', [CompletionResultType]::ParameterName, 'Only keys that never expire (none), that do (any), or whose time left lies in a range such as 60s..1h or ..1d')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'Stop after so many keys')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'rustredis;rdb;check' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'rustredis;rdb;stats' {
            [CompletionResult]::new('--html', '--html', [CompletionResultType]::ParameterName, 'Also write a page with charts, which needs nothing else')
            [CompletionResult]::new('--separator', '--separator', [CompletionResultType]::ParameterName, 'What ends a prefix in a key''s name')
            [CompletionResult]::new('--top', '--top', [CompletionResultType]::ParameterName, 'How many prefixes and biggest keys to name')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'rustredis;rdb;diff' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'rustredis;rdb;convert' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The file to write')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'The file to write')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The oldest server that has to read it; later ones of its family do, too')
            [CompletionResult]::new('--drop', '--drop', [CompletionResultType]::ParameterName, 'Leave out what the target cannot hold')
            [CompletionResult]::new('--no-compression', '--no-compression', [CompletionResultType]::ParameterName, 'Leave strings uncompressed')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'rustredis;rdb;salvage' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The file to write')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'The file to write')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'rustredis;aof' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Check a log as redis-check-aof does; exit code 1 if it is broken')
            [CompletionResult]::new('dump', 'dump', [CompletionResultType]::ParameterValue, 'Print every command with where it stands, its database and its time')
            [CompletionResult]::new('stats', 'stats', [CompletionResultType]::ParameterValue, 'Summarize a log: operations and bytes by command and by prefix of the keys, and what a rewrite would save')
            [CompletionResult]::new('recover', 'recover', [CompletionResultType]::ParameterValue, 'Write a log that ends at an earlier point into a new directory')
            break
        }
        'rustredis;aof;check' {
            [CompletionResult]::new('--truncate-to-timestamp', '--truncate-to-timestamp', [CompletionResultType]::ParameterName, 'Cut off what was written after this time (Unix seconds)')
            [CompletionResult]::new('--fix', '--fix', [CompletionResultType]::ParameterName, 'Cut off what is behind the last whole command')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Cut without asking')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Cut without asking')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'rustredis;aof;dump' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'format')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Only this database; may be given again')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'Only keys that fit; may be given again')
            [CompletionResult]::new('--not-key', '--not-key', [CompletionResultType]::ParameterName, 'No keys that fit; may be given again')
            [CompletionResult]::new('--type', '--type', [CompletionResultType]::ParameterName, 'Only this type (string, list, set, zset, hash, stream, module); may be given again')
            [CompletionResult]::new('--min-size', '--min-size', [CompletionResultType]::ParameterName, 'Only keys whose records take at least so many bytes of the file (10kb, 1mb …)')
            [CompletionResult]::new('--ttl', '--ttl', [CompletionResultType]::ParameterName, 'Only keys that never expire (none), that do (any), or whose time left lies in a range such as 60s..1h or ..1d')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'Stop after so many keys')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'rustredis;aof;stats' {
            [CompletionResult]::new('--separator', '--separator', [CompletionResultType]::ParameterName, 'What ends a prefix in a key''s name')
            [CompletionResult]::new('--top', '--top', [CompletionResultType]::ParameterName, 'How many commands and prefixes to name')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'rustredis;aof;recover' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The directory to make; there must be none of this name')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'The directory to make; there must be none of this name')
            [CompletionResult]::new('--until-offset', '--until-offset', [CompletionResultType]::ParameterName, 'Keep what ends at or before this offset of the last file, or of the one named, as `aof dump` tells both')
            [CompletionResult]::new('--until-time', '--until-time', [CompletionResultType]::ParameterName, 'Keep what was written until then: Unix seconds, or 2026-01-31T12:00:00Z. Needs a log with aof-timestamp-enabled')
            [CompletionResult]::new('--before-command', '--before-command', [CompletionResultType]::ParameterName, 'Keep what comes before the first command that begins with these words, each a glob: FLUSHALL, ''DEL user:*''')
            [CompletionResult]::new('--nth', '--nth', [CompletionResultType]::ParameterName, 'Stop before the N-th such command instead')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'rustredis;serve' {
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, '[* -::*]')
            [CompletionResult]::new('--bind-source-addr', '--bind-source-addr', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, '[6379]')
            [CompletionResult]::new('--tcp-backlog', '--tcp-backlog', [CompletionResultType]::ParameterName, '[511]')
            [CompletionResult]::new('--tcp-keepalive', '--tcp-keepalive', [CompletionResultType]::ParameterName, '[300]')
            [CompletionResult]::new('--unixsocket', '--unixsocket', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--unixsocketperm', '--unixsocketperm', [CompletionResultType]::ParameterName, '[0]')
            [CompletionResult]::new('--unixsocketgroup', '--unixsocketgroup', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, '[0]')
            [CompletionResult]::new('--protected-mode', '--protected-mode', [CompletionResultType]::ParameterName, '[yes]')
            [CompletionResult]::new('--maxclients', '--maxclients', [CompletionResultType]::ParameterName, '[10000]')
            [CompletionResult]::new('--proto-max-bulk-len', '--proto-max-bulk-len', [CompletionResultType]::ParameterName, '[536870912]')
            [CompletionResult]::new('--client-query-buffer-limit', '--client-query-buffer-limit', [CompletionResultType]::ParameterName, '[1073741824]')
            [CompletionResult]::new('--client-output-buffer-limit', '--client-output-buffer-limit', [CompletionResultType]::ParameterName, '[normal 0 0 0 replica 268435456 67108864 60 pubsub 33554432 8388608 60]')
            [CompletionResult]::new('--maxmemory-clients', '--maxmemory-clients', [CompletionResultType]::ParameterName, '[0]')
            [CompletionResult]::new('--socket-mark-id', '--socket-mark-id', [CompletionResultType]::ParameterName, '[0]')
            [CompletionResult]::new('--max-new-connections-per-cycle', '--max-new-connections-per-cycle', [CompletionResultType]::ParameterName, '[10]')
            [CompletionResult]::new('--max-new-tls-connections-per-cycle', '--max-new-tls-connections-per-cycle', [CompletionResultType]::ParameterName, '[1]')
            [CompletionResult]::new('--mptcp', '--mptcp', [CompletionResultType]::ParameterName, '[no]')
            [CompletionResult]::new('--repl-mptcp', '--repl-mptcp', [CompletionResultType]::ParameterName, '[no]')
            [CompletionResult]::new('--rdma-bind', '--rdma-bind', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--rdma-completion-vector', '--rdma-completion-vector', [CompletionResultType]::ParameterName, '[-1]')
            [CompletionResult]::new('--rdma-port', '--rdma-port', [CompletionResultType]::ParameterName, '[0]')
            [CompletionResult]::new('--rdma-rx-size', '--rdma-rx-size', [CompletionResultType]::ParameterName, '[1048576]')
            [CompletionResult]::new('--tls-port', '--tls-port', [CompletionResultType]::ParameterName, '[0]')
            [CompletionResult]::new('--tls-auth-clients', '--tls-auth-clients', [CompletionResultType]::ParameterName, '[yes]')
            [CompletionResult]::new('--tls-auth-clients-user', '--tls-auth-clients-user', [CompletionResultType]::ParameterName, '[off]')
            [CompletionResult]::new('--tls-auto-reload-interval', '--tls-auto-reload-interval', [CompletionResultType]::ParameterName, '[0]')
            [CompletionResult]::new('--tls-ca-cert-dir', '--tls-ca-cert-dir', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--tls-ca-cert-file', '--tls-ca-cert-file', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--tls-cert-file', '--tls-cert-file', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--tls-ciphers', '--tls-ciphers', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--tls-ciphersuites', '--tls-ciphersuites', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--tls-client-cert-file', '--tls-client-cert-file', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--tls-client-key-file', '--tls-client-key-file', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--tls-client-key-file-pass', '--tls-client-key-file-pass', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--tls-cluster', '--tls-cluster', [CompletionResultType]::ParameterName, '[no]')
            [CompletionResult]::new('--tls-dh-params-file', '--tls-dh-params-file', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--tls-key-file', '--tls-key-file', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--tls-key-file-pass', '--tls-key-file-pass', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--tls-prefer-server-ciphers', '--tls-prefer-server-ciphers', [CompletionResultType]::ParameterName, '[no]')
            [CompletionResult]::new('--tls-protocols', '--tls-protocols', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--tls-replication', '--tls-replication', [CompletionResultType]::ParameterName, '[no]')
            [CompletionResult]::new('--tls-session-cache-size', '--tls-session-cache-size', [CompletionResultType]::ParameterName, '[20480]')
            [CompletionResult]::new('--tls-session-cache-timeout', '--tls-session-cache-timeout', [CompletionResultType]::ParameterName, '[300]')
            [CompletionResult]::new('--tls-session-caching', '--tls-session-caching', [CompletionResultType]::ParameterName, '[yes]')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, '[0]')
            [CompletionResult]::new('--io-threads', '--io-threads', [CompletionResultType]::ParameterName, '[1]')
            [CompletionResult]::new('--metrics-port', '--metrics-port', [CompletionResultType]::ParameterName, '[0]')
            [CompletionResult]::new('--metrics-page', '--metrics-page', [CompletionResultType]::ParameterName, '[no]')
            [CompletionResult]::new('--databases', '--databases', [CompletionResultType]::ParameterName, '[16]')
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, '[.]')
            [CompletionResult]::new('--daemonize', '--daemonize', [CompletionResultType]::ParameterName, '[no]')
            [CompletionResult]::new('--supervised', '--supervised', [CompletionResultType]::ParameterName, '[no]')
            [CompletionResult]::new('--pidfile', '--pidfile', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--loglevel', '--loglevel', [CompletionResultType]::ParameterName, '[notice]')
            [CompletionResult]::new('--logfile', '--logfile', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--syslog-enabled', '--syslog-enabled', [CompletionResultType]::ParameterName, '[no]')
            [CompletionResult]::new('--syslog-ident', '--syslog-ident', [CompletionResultType]::ParameterName, '[redis]')
            [CompletionResult]::new('--syslog-facility', '--syslog-facility', [CompletionResultType]::ParameterName, '[local0]')
            [CompletionResult]::new('--always-show-logo', '--always-show-logo', [CompletionResultType]::ParameterName, '[no]')
            [CompletionResult]::new('--set-proc-title', '--set-proc-title', [CompletionResultType]::ParameterName, '[yes]')
            [CompletionResult]::new('--proc-title-template', '--proc-title-template', [CompletionResultType]::ParameterName, '[{title} {listen-addr} {server-mode}]')
            [CompletionResult]::new('--disable-thp', '--disable-thp', [CompletionResultType]::ParameterName, '[yes]')
            [CompletionResult]::new('--oom-score-adj', '--oom-score-adj', [CompletionResultType]::ParameterName, '[no]')
            [CompletionResult]::new('--oom-score-adj-values', '--oom-score-adj-values', [CompletionResultType]::ParameterName, '[0 200 800]')
            [CompletionResult]::new('--shutdown-timeout', '--shutdown-timeout', [CompletionResultType]::ParameterName, '[10]')
            [CompletionResult]::new('--shutdown-on-sigint', '--shutdown-on-sigint', [CompletionResultType]::ParameterName, '[default]')
            [CompletionResult]::new('--shutdown-on-sigterm', '--shutdown-on-sigterm', [CompletionResultType]::ParameterName, '[default]')
            [CompletionResult]::new('--hz', '--hz', [CompletionResultType]::ParameterName, '[10]')
            [CompletionResult]::new('--hide-user-data-from-log', '--hide-user-data-from-log', [CompletionResultType]::ParameterName, '[no]')
            [CompletionResult]::new('--availability-zone', '--availability-zone', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--locale-collate', '--locale-collate', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--dynamic-hz', '--dynamic-hz', [CompletionResultType]::ParameterName, '[yes]')
            [CompletionResult]::new('--crash-log-enabled', '--crash-log-enabled', [CompletionResultType]::ParameterName, '[yes]')
            [CompletionResult]::new('--crash-memcheck-enabled', '--crash-memcheck-enabled', [CompletionResultType]::ParameterName, '[yes]')
            [CompletionResult]::new('--ignore-warnings', '--ignore-warnings', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--server-cpulist', '--server-cpulist', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--bio-cpulist', '--bio-cpulist', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--bgsave-cpulist', '--bgsave-cpulist', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--aof-rewrite-cpulist', '--aof-rewrite-cpulist', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--prefetch-batch-max-size', '--prefetch-batch-max-size', [CompletionResultType]::ParameterName, '[16]')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, '[legacy]')
            [CompletionResult]::new('--log-timestamp-format', '--log-timestamp-format', [CompletionResultType]::ParameterName, '[legacy]')
            [CompletionResult]::new('--hash-seed', '--hash-seed', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--extended-redis-compatibility', '--extended-redis-compatibility', [CompletionResultType]::ParameterName, '[no]')
            [CompletionResult]::new('--requirepass', '--requirepass', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--aclfile', '--aclfile', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--acl-pubsub-default', '--acl-pubsub-default', [CompletionResultType]::ParameterName, '[resetchannels]')
            [CompletionResult]::new('--acllog-max-len', '--acllog-max-len', [CompletionResultType]::ParameterName, '[128]')
            [CompletionResult]::new('--enable-protected-configs', '--enable-protected-configs', [CompletionResultType]::ParameterName, '[no]')
            [CompletionResult]::new('--enable-debug-command', '--enable-debug-command', [CompletionResultType]::ParameterName, '[no]')
            [CompletionResult]::new('--enable-module-command', '--enable-module-command', [CompletionResultType]::ParameterName, '[no]')
            [CompletionResult]::new('--sanitize-dump-payload', '--sanitize-dump-payload', [CompletionResultType]::ParameterName, '[no]')
            [CompletionResult]::new('--maxmemory', '--maxmemory', [CompletionResultType]::ParameterName, '[0]')
            [CompletionResult]::new('--maxmemory-policy', '--maxmemory-policy', [CompletionResultType]::ParameterName, '[noeviction]')
            [CompletionResult]::new('--maxmemory-samples', '--maxmemory-samples', [CompletionResultType]::ParameterName, '[5]')
            [CompletionResult]::new('--maxmemory-eviction-tenacity', '--maxmemory-eviction-tenacity', [CompletionResultType]::ParameterName, '[10]')
            [CompletionResult]::new('--lfu-log-factor', '--lfu-log-factor', [CompletionResultType]::ParameterName, '[10]')
            [CompletionResult]::new('--lfu-decay-time', '--lfu-decay-time', [CompletionResultType]::ParameterName, '[1]')
            [CompletionResult]::new('--active-expire-effort', '--active-expire-effort', [CompletionResultType]::ParameterName, '[1]')
            [CompletionResult]::new('--lazyfree-lazy-eviction', '--lazyfree-lazy-eviction', [CompletionResultType]::ParameterName, '[no]')
            [CompletionResult]::new('--lazyfree-lazy-expire', '--lazyfree-lazy-expire', [CompletionResultType]::ParameterName, '[no]')
            [CompletionResult]::new('--lazyfree-lazy-server-del', '--lazyfree-lazy-server-del', [CompletionResultType]::ParameterName, '[no]')
            [CompletionResult]::new('--lazyfree-lazy-user-del', '--lazyfree-lazy-user-del', [CompletionResultType]::ParameterName, '[no]')
            [CompletionResult]::new('--lazyfree-lazy-user-flush', '--lazyfree-lazy-user-flush', [CompletionResultType]::ParameterName, '[no]')
            [CompletionResult]::new('--tracking-table-max-keys', '--tracking-table-max-keys', [CompletionResultType]::ParameterName, '[1000000]')
            [CompletionResult]::new('--activerehashing', '--activerehashing', [CompletionResultType]::ParameterName, '[yes]')
            [CompletionResult]::new('--activedefrag', '--activedefrag', [CompletionResultType]::ParameterName, '[no]')
            [CompletionResult]::new('--active-defrag-cycle-min', '--active-defrag-cycle-min', [CompletionResultType]::ParameterName, '[1]')
            [CompletionResult]::new('--active-defrag-cycle-max', '--active-defrag-cycle-max', [CompletionResultType]::ParameterName, '[25]')
            [CompletionResult]::new('--active-defrag-cycle-us', '--active-defrag-cycle-us', [CompletionResultType]::ParameterName, '[500]')
            [CompletionResult]::new('--active-defrag-ignore-bytes', '--active-defrag-ignore-bytes', [CompletionResultType]::ParameterName, '[104857600]')
            [CompletionResult]::new('--active-defrag-max-scan-fields', '--active-defrag-max-scan-fields', [CompletionResultType]::ParameterName, '[1000]')
            [CompletionResult]::new('--active-defrag-threshold-lower', '--active-defrag-threshold-lower', [CompletionResultType]::ParameterName, '[10]')
            [CompletionResult]::new('--active-defrag-threshold-upper', '--active-defrag-threshold-upper', [CompletionResultType]::ParameterName, '[100]')
            [CompletionResult]::new('--jemalloc-bg-thread', '--jemalloc-bg-thread', [CompletionResultType]::ParameterName, '[yes]')
            [CompletionResult]::new('--import-mode', '--import-mode', [CompletionResultType]::ParameterName, '[no]')
            [CompletionResult]::new('--hash-max-listpack-entries', '--hash-max-listpack-entries', [CompletionResultType]::ParameterName, '[512]')
            [CompletionResult]::new('--hash-max-listpack-value', '--hash-max-listpack-value', [CompletionResultType]::ParameterName, '[64]')
            [CompletionResult]::new('--zset-max-listpack-entries', '--zset-max-listpack-entries', [CompletionResultType]::ParameterName, '[128]')
            [CompletionResult]::new('--zset-max-listpack-value', '--zset-max-listpack-value', [CompletionResultType]::ParameterName, '[64]')
            [CompletionResult]::new('--set-max-intset-entries', '--set-max-intset-entries', [CompletionResultType]::ParameterName, '[512]')
            [CompletionResult]::new('--set-max-listpack-entries', '--set-max-listpack-entries', [CompletionResultType]::ParameterName, '[128]')
            [CompletionResult]::new('--set-max-listpack-value', '--set-max-listpack-value', [CompletionResultType]::ParameterName, '[64]')
            [CompletionResult]::new('--list-max-listpack-size', '--list-max-listpack-size', [CompletionResultType]::ParameterName, '[-2]')
            [CompletionResult]::new('--list-compress-depth', '--list-compress-depth', [CompletionResultType]::ParameterName, '[0]')
            [CompletionResult]::new('--stream-node-max-bytes', '--stream-node-max-bytes', [CompletionResultType]::ParameterName, '[4096]')
            [CompletionResult]::new('--stream-node-max-entries', '--stream-node-max-entries', [CompletionResultType]::ParameterName, '[100]')
            [CompletionResult]::new('--hll-sparse-max-bytes', '--hll-sparse-max-bytes', [CompletionResultType]::ParameterName, '[3000]')
            [CompletionResult]::new('--save', '--save', [CompletionResultType]::ParameterName, '[3600 1 300 100 60 10000]')
            [CompletionResult]::new('--dbfilename', '--dbfilename', [CompletionResultType]::ParameterName, '[dump.rdb]')
            [CompletionResult]::new('--rdbcompression', '--rdbcompression', [CompletionResultType]::ParameterName, '[yes]')
            [CompletionResult]::new('--rdbchecksum', '--rdbchecksum', [CompletionResultType]::ParameterName, '[yes]')
            [CompletionResult]::new('--rdb-save-incremental-fsync', '--rdb-save-incremental-fsync', [CompletionResultType]::ParameterName, '[yes]')
            [CompletionResult]::new('--rdb-del-sync-files', '--rdb-del-sync-files', [CompletionResultType]::ParameterName, '[no]')
            [CompletionResult]::new('--field-expiry-format', '--field-expiry-format', [CompletionResultType]::ParameterName, '[valkey-9]')
            [CompletionResult]::new('--stop-writes-on-bgsave-error', '--stop-writes-on-bgsave-error', [CompletionResultType]::ParameterName, '[yes]')
            [CompletionResult]::new('--rdb-version-check', '--rdb-version-check', [CompletionResultType]::ParameterName, '[strict]')
            [CompletionResult]::new('--appendonly', '--appendonly', [CompletionResultType]::ParameterName, '[no]')
            [CompletionResult]::new('--appendfilename', '--appendfilename', [CompletionResultType]::ParameterName, '[appendonly.aof]')
            [CompletionResult]::new('--appenddirname', '--appenddirname', [CompletionResultType]::ParameterName, '[appendonlydir]')
            [CompletionResult]::new('--appendfsync', '--appendfsync', [CompletionResultType]::ParameterName, '[everysec]')
            [CompletionResult]::new('--no-appendfsync-on-rewrite', '--no-appendfsync-on-rewrite', [CompletionResultType]::ParameterName, '[no]')
            [CompletionResult]::new('--auto-aof-rewrite-percentage', '--auto-aof-rewrite-percentage', [CompletionResultType]::ParameterName, '[100]')
            [CompletionResult]::new('--auto-aof-rewrite-min-size', '--auto-aof-rewrite-min-size', [CompletionResultType]::ParameterName, '[67108864]')
            [CompletionResult]::new('--aof-load-truncated', '--aof-load-truncated', [CompletionResultType]::ParameterName, '[yes]')
            [CompletionResult]::new('--aof-use-rdb-preamble', '--aof-use-rdb-preamble', [CompletionResultType]::ParameterName, '[yes]')
            [CompletionResult]::new('--aof-timestamp-enabled', '--aof-timestamp-enabled', [CompletionResultType]::ParameterName, '[no]')
            [CompletionResult]::new('--aof-rewrite-incremental-fsync', '--aof-rewrite-incremental-fsync', [CompletionResultType]::ParameterName, '[yes]')
            [CompletionResult]::new('--replicaof', '--replicaof', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--masterauth', '--masterauth', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--masteruser', '--masteruser', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--replica-serve-stale-data', '--replica-serve-stale-data', [CompletionResultType]::ParameterName, '[yes]')
            [CompletionResult]::new('--replica-read-only', '--replica-read-only', [CompletionResultType]::ParameterName, '[yes]')
            [CompletionResult]::new('--replica-ignore-maxmemory', '--replica-ignore-maxmemory', [CompletionResultType]::ParameterName, '[yes]')
            [CompletionResult]::new('--replica-ignore-disk-write-errors', '--replica-ignore-disk-write-errors', [CompletionResultType]::ParameterName, '[no]')
            [CompletionResult]::new('--replica-lazy-flush', '--replica-lazy-flush', [CompletionResultType]::ParameterName, '[no]')
            [CompletionResult]::new('--replica-priority', '--replica-priority', [CompletionResultType]::ParameterName, '[100]')
            [CompletionResult]::new('--replica-announced', '--replica-announced', [CompletionResultType]::ParameterName, '[yes]')
            [CompletionResult]::new('--replica-announce-ip', '--replica-announce-ip', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--replica-announce-port', '--replica-announce-port', [CompletionResultType]::ParameterName, '[0]')
            [CompletionResult]::new('--replica-full-sync-buffer-limit', '--replica-full-sync-buffer-limit', [CompletionResultType]::ParameterName, '[0]')
            [CompletionResult]::new('--repl-diskless-sync', '--repl-diskless-sync', [CompletionResultType]::ParameterName, '[yes]')
            [CompletionResult]::new('--repl-diskless-sync-delay', '--repl-diskless-sync-delay', [CompletionResultType]::ParameterName, '[5]')
            [CompletionResult]::new('--repl-diskless-sync-max-replicas', '--repl-diskless-sync-max-replicas', [CompletionResultType]::ParameterName, '[0]')
            [CompletionResult]::new('--repl-diskless-load', '--repl-diskless-load', [CompletionResultType]::ParameterName, '[disabled]')
            [CompletionResult]::new('--repl-ping-replica-period', '--repl-ping-replica-period', [CompletionResultType]::ParameterName, '[10]')
            [CompletionResult]::new('--repl-timeout', '--repl-timeout', [CompletionResultType]::ParameterName, '[60]')
            [CompletionResult]::new('--repl-disable-tcp-nodelay', '--repl-disable-tcp-nodelay', [CompletionResultType]::ParameterName, '[no]')
            [CompletionResult]::new('--repl-backlog-size', '--repl-backlog-size', [CompletionResultType]::ParameterName, '[1048576]')
            [CompletionResult]::new('--repl-backlog-ttl', '--repl-backlog-ttl', [CompletionResultType]::ParameterName, '[3600]')
            [CompletionResult]::new('--min-replicas-to-write', '--min-replicas-to-write', [CompletionResultType]::ParameterName, '[0]')
            [CompletionResult]::new('--min-replicas-max-lag', '--min-replicas-max-lag', [CompletionResultType]::ParameterName, '[10]')
            [CompletionResult]::new('--propagation-error-behavior', '--propagation-error-behavior', [CompletionResultType]::ParameterName, '[ignore]')
            [CompletionResult]::new('--dual-channel-replication-enabled', '--dual-channel-replication-enabled', [CompletionResultType]::ParameterName, '[no]')
            [CompletionResult]::new('--slowlog-log-slower-than', '--slowlog-log-slower-than', [CompletionResultType]::ParameterName, '[10000]')
            [CompletionResult]::new('--slowlog-max-len', '--slowlog-max-len', [CompletionResultType]::ParameterName, '[128]')
            [CompletionResult]::new('--latency-monitor-threshold', '--latency-monitor-threshold', [CompletionResultType]::ParameterName, '[0]')
            [CompletionResult]::new('--latency-tracking', '--latency-tracking', [CompletionResultType]::ParameterName, '[yes]')
            [CompletionResult]::new('--latency-tracking-info-percentiles', '--latency-tracking-info-percentiles', [CompletionResultType]::ParameterName, '[50 99 99.9]')
            [CompletionResult]::new('--notify-keyspace-events', '--notify-keyspace-events', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--busy-reply-threshold', '--busy-reply-threshold', [CompletionResultType]::ParameterName, '[5000]')
            [CompletionResult]::new('--commandlog-large-reply-max-len', '--commandlog-large-reply-max-len', [CompletionResultType]::ParameterName, '[128]')
            [CompletionResult]::new('--commandlog-large-request-max-len', '--commandlog-large-request-max-len', [CompletionResultType]::ParameterName, '[128]')
            [CompletionResult]::new('--commandlog-reply-larger-than', '--commandlog-reply-larger-than', [CompletionResultType]::ParameterName, '[1048576]')
            [CompletionResult]::new('--commandlog-request-larger-than', '--commandlog-request-larger-than', [CompletionResultType]::ParameterName, '[1048576]')
            [CompletionResult]::new('--cluster-enabled', '--cluster-enabled', [CompletionResultType]::ParameterName, '[no]')
            [CompletionResult]::new('--cluster-config-file', '--cluster-config-file', [CompletionResultType]::ParameterName, '[nodes.conf]')
            [CompletionResult]::new('--cluster-port', '--cluster-port', [CompletionResultType]::ParameterName, '[0]')
            [CompletionResult]::new('--cluster-databases', '--cluster-databases', [CompletionResultType]::ParameterName, '[1]')
            [CompletionResult]::new('--cluster-node-timeout', '--cluster-node-timeout', [CompletionResultType]::ParameterName, '[15000]')
            [CompletionResult]::new('--cluster-allow-pubsubshard-when-down', '--cluster-allow-pubsubshard-when-down', [CompletionResultType]::ParameterName, '[yes]')
            [CompletionResult]::new('--cluster-allow-reads-when-down', '--cluster-allow-reads-when-down', [CompletionResultType]::ParameterName, '[no]')
            [CompletionResult]::new('--cluster-allow-replica-migration', '--cluster-allow-replica-migration', [CompletionResultType]::ParameterName, '[yes]')
            [CompletionResult]::new('--cluster-announce-bus-port', '--cluster-announce-bus-port', [CompletionResultType]::ParameterName, '[0]')
            [CompletionResult]::new('--cluster-announce-client-ipv4', '--cluster-announce-client-ipv4', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--cluster-announce-client-ipv6', '--cluster-announce-client-ipv6', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--cluster-announce-client-port', '--cluster-announce-client-port', [CompletionResultType]::ParameterName, '[0]')
            [CompletionResult]::new('--cluster-announce-client-tls-port', '--cluster-announce-client-tls-port', [CompletionResultType]::ParameterName, '[0]')
            [CompletionResult]::new('--cluster-announce-hostname', '--cluster-announce-hostname', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--cluster-announce-human-nodename', '--cluster-announce-human-nodename', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--cluster-announce-ip', '--cluster-announce-ip', [CompletionResultType]::ParameterName, '['''']')
            [CompletionResult]::new('--cluster-announce-port', '--cluster-announce-port', [CompletionResultType]::ParameterName, '[0]')
            [CompletionResult]::new('--cluster-announce-tls-port', '--cluster-announce-tls-port', [CompletionResultType]::ParameterName, '[0]')
            [CompletionResult]::new('--cluster-blacklist-ttl', '--cluster-blacklist-ttl', [CompletionResultType]::ParameterName, '[60]')
            [CompletionResult]::new('--cluster-compatibility-sample-ratio', '--cluster-compatibility-sample-ratio', [CompletionResultType]::ParameterName, '[0]')
            [CompletionResult]::new('--cluster-config-save-behavior', '--cluster-config-save-behavior', [CompletionResultType]::ParameterName, '[sync]')
            [CompletionResult]::new('--cluster-link-sendbuf-limit', '--cluster-link-sendbuf-limit', [CompletionResultType]::ParameterName, '[0]')
            [CompletionResult]::new('--cluster-manual-failover-timeout', '--cluster-manual-failover-timeout', [CompletionResultType]::ParameterName, '[5000]')
            [CompletionResult]::new('--cluster-migration-barrier', '--cluster-migration-barrier', [CompletionResultType]::ParameterName, '[1]')
            [CompletionResult]::new('--cluster-preferred-endpoint-type', '--cluster-preferred-endpoint-type', [CompletionResultType]::ParameterName, '[ip]')
            [CompletionResult]::new('--cluster-replica-no-failover', '--cluster-replica-no-failover', [CompletionResultType]::ParameterName, '[no]')
            [CompletionResult]::new('--cluster-replica-validity-factor', '--cluster-replica-validity-factor', [CompletionResultType]::ParameterName, '[10]')
            [CompletionResult]::new('--cluster-require-full-coverage', '--cluster-require-full-coverage', [CompletionResultType]::ParameterName, '[yes]')
            [CompletionResult]::new('--cluster-slot-migration-log-max-len', '--cluster-slot-migration-log-max-len', [CompletionResultType]::ParameterName, '[1000]')
            [CompletionResult]::new('--cluster-slot-stats-enabled', '--cluster-slot-stats-enabled', [CompletionResultType]::ParameterName, '[no]')
            [CompletionResult]::new('--slot-migration-max-failover-repl-bytes', '--slot-migration-max-failover-repl-bytes', [CompletionResultType]::ParameterName, '[0]')
            break
        }
        'rustredis;cli' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Server''s host [127.0.0.1]')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Server''s port [6379]')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'A Unix socket, instead of host and port')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'redis://[[user:]password@]host[:port][/db], rediss://, unix://path')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Database number')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'How long to wait for a connection, such as 0.5')
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'Password; safer in the environment: REDISCLI_AUTH')
            [CompletionResult]::new('--pass', '--pass', [CompletionResultType]::ParameterName, 'The same as -a')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'User''s name for AUTH; needs a password')
            [CompletionResult]::new('--sni', '--sni', [CompletionResultType]::ParameterName, 'Server''s name to ask for')
            [CompletionResult]::new('--cacert', '--cacert', [CompletionResultType]::ParameterName, 'Certificates to trust')
            [CompletionResult]::new('--cacertdir', '--cacertdir', [CompletionResultType]::ParameterName, 'A directory of such files; without either the system''s are trusted')
            [CompletionResult]::new('--cert', '--cert', [CompletionResultType]::ParameterName, 'Certificate to show')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'Its private key')
            [CompletionResult]::new('--tls-ciphers', '--tls-ciphers', [CompletionResultType]::ParameterName, 'Ciphers up to TLS 1.2, best first, with '':'' between')
            [CompletionResult]::new('--tls-ciphersuites', '--tls-ciphersuites', [CompletionResultType]::ParameterName, 'Cipher suites of TLS 1.3, likewise')
            [CompletionResult]::new('-r', '-r', [CompletionResultType]::ParameterName, 'Run it N times; negative: for ever')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'Pause between runs, lines of --stat, SCAN calls, such as 0.1')
            [CompletionResult]::new('-X', '-X ', [CompletionResultType]::ParameterName, 'Take the argument TAG from standard input')
            [CompletionResult]::new('--eval', '--eval', [CompletionResultType]::ParameterName, 'Run a Lua script: keys, a comma, arguments')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'Between elements of raw replies [\n]')
            [CompletionResult]::new('-D', '-D ', [CompletionResultType]::ParameterName, 'Between raw replies [\n]')
            [CompletionResult]::new('--show-pushes', '--show-pushes', [CompletionResultType]::ParameterName, 'Show RESP3''s pushes; as a rule on a terminal')
            [CompletionResult]::new('--view', '--view', [CompletionResultType]::ParameterName, 'In the REPL: table, redis, json or raw')
            [CompletionResult]::new('--intrinsic-latency', '--intrinsic-latency', [CompletionResultType]::ParameterName, 'What this machine itself adds')
            [CompletionResult]::new('--lru-test', '--lru-test', [CompletionResultType]::ParameterName, 'A cache''s work, 80 to 20, with so many keys')
            [CompletionResult]::new('--top', '--top', [CompletionResultType]::ParameterName, 'Busiest commands, keys and clients, from so long a MONITOR')
            [CompletionResult]::new('--save', '--save', [CompletionResultType]::ParameterName, 'Keep what --top saw, for a replay')
            [CompletionResult]::new('--rdb', '--rdb', [CompletionResultType]::ParameterName, 'Fetch a snapshot; ''-'' for standard output')
            [CompletionResult]::new('--functions-rdb', '--functions-rdb', [CompletionResultType]::ParameterName, 'Fetch a snapshot of the functions only')
            [CompletionResult]::new('--pattern', '--pattern', [CompletionResultType]::ParameterName, 'Only keys that fit')
            [CompletionResult]::new('--quoted-pattern', '--quoted-pattern', [CompletionResultType]::ParameterName, 'The same, in quotes with escapes')
            [CompletionResult]::new('--count', '--count', [CompletionResultType]::ParameterName, 'SCAN''s COUNT')
            [CompletionResult]::new('--type', '--type', [CompletionResultType]::ParameterName, 'Only keys of a type, for --scan')
            [CompletionResult]::new('--cursor', '--cursor', [CompletionResultType]::ParameterName, 'Where --scan and --keystats begin')
            [CompletionResult]::new('--memkeys-samples', '--memkeys-samples', [CompletionResultType]::ParameterName, 'The same, sampling N elements of each')
            [CompletionResult]::new('--keystats-samples', '--keystats-samples', [CompletionResultType]::ParameterName, 'The same, sampling N elements of each')
            [CompletionResult]::new('--pipe-timeout', '--pipe-timeout', [CompletionResultType]::ParameterName, 'How long to wait for the last reply [30]; 0: for ever')
            [CompletionResult]::new('--import', '--import', [CompletionResultType]::ParameterName, 'Run the commands of a file (''-'': standard input), inline or RESP, errors with line numbers')
            [CompletionResult]::new('--del-match', '--del-match', [CompletionResultType]::ParameterName, 'Delete the keys that fit')
            [CompletionResult]::new('--expire-match', '--expire-match', [CompletionResultType]::ParameterName, 'Let the keys that fit expire')
            [CompletionResult]::new('--rate', '--rate', [CompletionResultType]::ParameterName, 'At most N keys a second')
            [CompletionResult]::new('--journal', '--journal', [CompletionResultType]::ParameterName, 'Keep what is deleted or changed, for --undo')
            [CompletionResult]::new('--resume', '--resume', [CompletionResultType]::ParameterName, 'Where to keep the place, and to go on from it')
            [CompletionResult]::new('--undo', '--undo', [CompletionResultType]::ParameterName, 'Restore what a journal keeps')
            [CompletionResult]::new('--cluster', '--cluster', [CompletionResultType]::ParameterName, 'Manage a cluster; --cluster help lists the commands')
            [CompletionResult]::new('--cluster-replicas', '--cluster-replicas', [CompletionResultType]::ParameterName, 'create: replicas of each primary')
            [CompletionResult]::new('--cluster-master-id', '--cluster-master-id', [CompletionResultType]::ParameterName, 'add-node: whose replica')
            [CompletionResult]::new('--cluster-from', '--cluster-from', [CompletionResultType]::ParameterName, 'reshard, import: from where')
            [CompletionResult]::new('--cluster-from-user', '--cluster-from-user', [CompletionResultType]::ParameterName, 'import: user at the source')
            [CompletionResult]::new('--cluster-from-pass', '--cluster-from-pass', [CompletionResultType]::ParameterName, 'import: password at the source')
            [CompletionResult]::new('--cluster-to', '--cluster-to', [CompletionResultType]::ParameterName, 'reshard: to where')
            [CompletionResult]::new('--cluster-slots', '--cluster-slots', [CompletionResultType]::ParameterName, 'reshard: how many slots')
            [CompletionResult]::new('--cluster-timeout', '--cluster-timeout', [CompletionResultType]::ParameterName, 'Limit of each MIGRATE [60000]')
            [CompletionResult]::new('--cluster-pipeline', '--cluster-pipeline', [CompletionResultType]::ParameterName, 'Keys of each MIGRATE [10]')
            [CompletionResult]::new('--cluster-weight', '--cluster-weight', [CompletionResultType]::ParameterName, 'rebalance: weights')
            [CompletionResult]::new('--cluster-threshold', '--cluster-threshold', [CompletionResultType]::ParameterName, 'rebalance: what is too far from even [2]')
            [CompletionResult]::new('-4', '-4', [CompletionResultType]::ParameterName, 'Only IPv4 addresses of the host')
            [CompletionResult]::new('-6', '-6', [CompletionResultType]::ParameterName, 'Only its IPv6 addresses')
            [CompletionResult]::new('-2', '-2', [CompletionResultType]::ParameterName, 'Speak RESP2')
            [CompletionResult]::new('-3', '-3', [CompletionResultType]::ParameterName, 'Speak RESP3')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Follow MOVED and ASK of a cluster, in every mode')
            [CompletionResult]::new('--askpass', '--askpass', [CompletionResultType]::ParameterName, 'Ask for the password on the terminal')
            [CompletionResult]::new('--no-auth-warning', '--no-auth-warning', [CompletionResultType]::ParameterName, 'No warning of a password on the command line')
            [CompletionResult]::new('--tls', '--tls', [CompletionResultType]::ParameterName, 'Speak TLS')
            [CompletionResult]::new('--insecure', '--insecure', [CompletionResultType]::ParameterName, 'Do not check the server''s certificate')
            [CompletionResult]::new('-x', '-x', [CompletionResultType]::ParameterName, 'Take the last argument from standard input')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Exit code 1, and the text on standard error, for an error reply')
            [CompletionResult]::new('--quoted-input', '--quoted-input', [CompletionResultType]::ParameterName, 'Arguments in quotes have escapes')
            [CompletionResult]::new('--ldb', '--ldb', [CompletionResultType]::ParameterName, 'Run the script of --eval step by step, in a server with a debugger')
            [CompletionResult]::new('--ldb-sync-mode', '--ldb-sync-mode', [CompletionResultType]::ParameterName, 'The same, holding the server up; what the script writes stays')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Yes to what the guard rails would ask')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'Refuse commands that write')
            [CompletionResult]::new('--raw', '--raw', [CompletionResultType]::ParameterName, 'Replies as they are; so without a terminal')
            [CompletionResult]::new('--no-raw', '--no-raw', [CompletionResultType]::ParameterName, 'Replies for people, without a terminal too')
            [CompletionResult]::new('--csv', '--csv', [CompletionResultType]::ParameterName, 'As comma-separated values')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'As JSON, by RESP3 unless -2')
            [CompletionResult]::new('--quoted-json', '--quoted-json', [CompletionResultType]::ParameterName, 'As JSON of ASCII only')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('--stat', '--stat', [CompletionResultType]::ParameterName, 'Figures of the server, a line each second')
            [CompletionResult]::new('--latency', '--latency', [CompletionResultType]::ParameterName, 'Sample the latency')
            [CompletionResult]::new('--latency-history', '--latency-history', [CompletionResultType]::ParameterName, 'A line of it every 15 seconds, or -i')
            [CompletionResult]::new('--latency-dist', '--latency-dist', [CompletionResultType]::ParameterName, 'It as a spectrum of colours')
            [CompletionResult]::new('--replica', '--replica', [CompletionResultType]::ParameterName, 'Show what a replica is sent')
            [CompletionResult]::new('--slave', '--slave', [CompletionResultType]::ParameterName, 'The same')
            [CompletionResult]::new('--scan', '--scan', [CompletionResultType]::ParameterName, 'List keys with SCAN')
            [CompletionResult]::new('--bigkeys', '--bigkeys', [CompletionResultType]::ParameterName, 'Keys with the most elements')
            [CompletionResult]::new('--memkeys', '--memkeys', [CompletionResultType]::ParameterName, 'Keys with the most memory')
            [CompletionResult]::new('--keystats', '--keystats', [CompletionResultType]::ParameterName, 'Both, with the distribution of sizes')
            [CompletionResult]::new('--hotkeys', '--hotkeys', [CompletionResultType]::ParameterName, 'Keys used most; needs an LFU policy')
            [CompletionResult]::new('--no-key-completion', '--no-key-completion', [CompletionResultType]::ParameterName, 'Tab does not ask the server for keys')
            [CompletionResult]::new('--pipe', '--pipe', [CompletionResultType]::ParameterName, 'Send standard input as it is')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Say what would be hit, and change nothing')
            [CompletionResult]::new('--cluster-yes', '--cluster-yes', [CompletionResultType]::ParameterName, 'Yes to questions')
            [CompletionResult]::new('--cluster-only-masters', '--cluster-only-masters', [CompletionResultType]::ParameterName, 'call: primaries only')
            [CompletionResult]::new('--cluster-only-replicas', '--cluster-only-replicas', [CompletionResultType]::ParameterName, 'call: replicas only')
            [CompletionResult]::new('--cluster-search-multiple-owners', '--cluster-search-multiple-owners', [CompletionResultType]::ParameterName, 'check, fix: look for slots with several owners')
            [CompletionResult]::new('--cluster-fix-with-unreachable-masters', '--cluster-fix-with-unreachable-masters', [CompletionResultType]::ParameterName, 'fix: give the slots of primaries that cannot be reached to others')
            [CompletionResult]::new('--cluster-from-askpass', '--cluster-from-askpass', [CompletionResultType]::ParameterName, 'import: ask for the password of the source')
            [CompletionResult]::new('--cluster-replace', '--cluster-replace', [CompletionResultType]::ParameterName, 'reshard, rebalance: overwrite keys that exist')
            [CompletionResult]::new('--cluster-copy', '--cluster-copy', [CompletionResultType]::ParameterName, 'import: keep the keys at their source')
            [CompletionResult]::new('--cluster-slave', '--cluster-slave', [CompletionResultType]::ParameterName, 'add-node: as a replica')
            [CompletionResult]::new('--cluster-use-empty-masters', '--cluster-use-empty-masters', [CompletionResultType]::ParameterName, 'rebalance: primaries without slots too')
            [CompletionResult]::new('--cluster-simulate', '--cluster-simulate', [CompletionResultType]::ParameterName, 'rebalance: say what would move')
            break
        }
        'rustredis;bench' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Server''s host [127.0.0.1]')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Server''s host [127.0.0.1]')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Server''s host [127.0.0.1]')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Server''s port [6379]')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Server''s port [6379]')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'A Unix socket, instead of host and port')
            [CompletionResult]::new('--unix-socket', '--unix-socket', [CompletionResultType]::ParameterName, 'A Unix socket, instead of host and port')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'redis://[[user:]password@]host[:port][/db], rediss://, unix://path')
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'Password')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'User''s name for AUTH; needs -a')
            [CompletionResult]::new('--dbnum', '--dbnum', [CompletionResultType]::ParameterName, 'Database number [0]')
            [CompletionResult]::new('--select-db', '--select-db', [CompletionResultType]::ParameterName, 'Database number [0]')
            [CompletionResult]::new('--sni', '--sni', [CompletionResultType]::ParameterName, 'Server''s name to ask for')
            [CompletionResult]::new('--cacert', '--cacert', [CompletionResultType]::ParameterName, 'Certificates to trust')
            [CompletionResult]::new('--cacertdir', '--cacertdir', [CompletionResultType]::ParameterName, 'A directory of such files; without either the system''s are trusted')
            [CompletionResult]::new('--cert', '--cert', [CompletionResultType]::ParameterName, 'Certificate to show')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'Its private key')
            [CompletionResult]::new('--tls-ciphers', '--tls-ciphers', [CompletionResultType]::ParameterName, 'Ciphers up to TLS 1.2, best first, with '':'' between')
            [CompletionResult]::new('--tls-ciphersuites', '--tls-ciphersuites', [CompletionResultType]::ParameterName, 'Cipher suites of TLS 1.3, likewise')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Parallel connections [50]')
            [CompletionResult]::new('--clients', '--clients', [CompletionResultType]::ParameterName, 'Parallel connections [50]')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Requests of a test [100000]; allkeys: one for each key of a mix''s range')
            [CompletionResult]::new('--requests', '--requests', [CompletionResultType]::ParameterName, 'Requests of a test [100000]; allkeys: one for each key of a mix''s range')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'Size of values [3]')
            [CompletionResult]::new('--data-size', '--data-size', [CompletionResultType]::ParameterName, 'Size of values [3]')
            [CompletionResult]::new('-P', '-P ', [CompletionResultType]::ParameterName, 'Requests in a pipeline [1]')
            [CompletionResult]::new('--pipeline', '--pipeline', [CompletionResultType]::ParameterName, 'Requests in a pipeline [1]')
            [CompletionResult]::new('-r', '-r', [CompletionResultType]::ParameterName, 'Random numbers below N, of 12 digits, for __rand_int__ and __rand_1st__ in arguments')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'Keep connections [1], or connect anew for every pipeline')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Threads that send')
            [CompletionResult]::new('--io', '--io', [CompletionResultType]::ParameterName, 'A call of the system for each request, or one for several where there is io_uring [auto]')
            [CompletionResult]::new('--seed', '--seed', [CompletionResultType]::ParameterName, 'Start of the random numbers, so that they repeat')
            [CompletionResult]::new('--test-time', '--test-time', [CompletionResultType]::ParameterName, 'Each test takes so long, whatever -n says')
            [CompletionResult]::new('--warmup', '--warmup', [CompletionResultType]::ParameterName, 'Run each test so long first, and forget the figures')
            [CompletionResult]::new('--run-count', '--run-count', [CompletionResultType]::ParameterName, 'Run each test so often, and say how far the runs are apart [1]')
            [CompletionResult]::new('--reconnect-interval', '--reconnect-interval', [CompletionResultType]::ParameterName, 'Close each connection after N requests, and make a new one')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Only these of the tests below, with commas between; no effect if a command is given')
            [CompletionResult]::new('--ratio', '--ratio', [CompletionResultType]::ParameterName, 'SETs and GETs in this ratio')
            [CompletionResult]::new('--command', '--command', [CompletionResultType]::ParameterName, 'A command of a set; may be given often. __key__ and __data__ stand for a key and a value, __number:LOW-HIGH__ for a number')
            [CompletionResult]::new('--command-ratio', '--command-ratio', [CompletionResultType]::ParameterName, 'How often, beside the others, the command in front is sent [1]')
            [CompletionResult]::new('--command-key-pattern', '--command-key-pattern', [CompletionResultType]::ParameterName, 'Which keys the command in front takes')
            [CompletionResult]::new('--key-pattern', '--key-pattern', [CompletionResultType]::ParameterName, 'Which keys come: R random, S sequential, P parallel, G gaussian, Z zipf [R:R]')
            [CompletionResult]::new('--key-prefix', '--key-prefix', [CompletionResultType]::ParameterName, 'What keys begin with [memtier-]')
            [CompletionResult]::new('--key-minimum', '--key-minimum', [CompletionResultType]::ParameterName, 'Number of the first key [0]')
            [CompletionResult]::new('--key-maximum', '--key-maximum', [CompletionResultType]::ParameterName, 'Number of the last key [10000000]')
            [CompletionResult]::new('--key-stddev', '--key-stddev', [CompletionResultType]::ParameterName, 'Deviation of the gaussian pattern [a sixth of the range]')
            [CompletionResult]::new('--key-median', '--key-median', [CompletionResultType]::ParameterName, 'Middle of the gaussian pattern [of the range]')
            [CompletionResult]::new('--key-zipf-exp', '--key-zipf-exp', [CompletionResultType]::ParameterName, 'Exponent of the zipf pattern, up to 5 [1]')
            [CompletionResult]::new('--data-size-range', '--data-size-range', [CompletionResultType]::ParameterName, 'Sizes of values, any between')
            [CompletionResult]::new('--data-size-list', '--data-size-list', [CompletionResultType]::ParameterName, 'Sizes of values, by weight')
            [CompletionResult]::new('--data-size-dist', '--data-size-dist', [CompletionResultType]::ParameterName, 'normal(MEAN,DEVIATION), lognormal(MEDIAN,SIGMA) or exponential(MEAN)')
            [CompletionResult]::new('--data-size-pattern', '--data-size-pattern', [CompletionResultType]::ParameterName, 'Sizes of a range: random, or from the smallest to the largest along the keys [R]')
            [CompletionResult]::new('--compressible', '--compressible', [CompletionResultType]::ParameterName, 'Values of which so much repeats itself')
            [CompletionResult]::new('--expiry-range', '--expiry-range', [CompletionResultType]::ParameterName, 'SETs expire after so many seconds')
            [CompletionResult]::new('--workload', '--workload', [CompletionResultType]::ParameterName, 'One of those shipped, or a TOML file: phases, mixes, key spaces, sizes, times to live')
            [CompletionResult]::new('--workload-from', '--workload-from', [CompletionResultType]::ParameterName, 'A workload like the data of a snapshot: types, sizes, times to live')
            [CompletionResult]::new('--monitor-input', '--monitor-input', [CompletionResultType]::ParameterName, 'Send what MONITOR showed again, with the gaps it had')
            [CompletionResult]::new('--speed', '--speed', [CompletionResultType]::ParameterName, 'So many times as fast, or without gaps [1x]')
            [CompletionResult]::new('--slo', '--slo', [CompletionResultType]::ParameterName, 'p99<1ms, or several: p50<200us,p99.9<5ms,errors<0.1%')
            [CompletionResult]::new('--step-time', '--step-time', [CompletionResultType]::ParameterName, 'How long a step of --find-max takes [3], or a block of ab [1]')
            [CompletionResult]::new('--block-time', '--block-time', [CompletionResultType]::ParameterName, 'How long a step of --find-max takes [3], or a block of ab [1]')
            [CompletionResult]::new('--blocks', '--blocks', [CompletionResultType]::ParameterName, 'Blocks of ab on either side [10]')
            [CompletionResult]::new('--require', '--require', [CompletionResultType]::ParameterName, 'rps>=0.95,p99<=1.1: ab ends with code 2 if a ratio B/A surely misses one of them')
            [CompletionResult]::new('--also', '--also', [CompletionResultType]::ParameterName, 'Where else --verify may find the primary after a failover; may be given often')
            [CompletionResult]::new('--respond', '--respond', [CompletionResultType]::ParameterName, 'Be that responder: +OK to everything on this port')
            [CompletionResult]::new('--rate', '--rate', [CompletionResultType]::ParameterName, 'N requests a second, whether or not the server keeps up; latencies from when each should have gone out')
            [CompletionResult]::new('--arrivals', '--arrivals', [CompletionResultType]::ParameterName, 'Gaps between them [poisson]')
            [CompletionResult]::new('--json-out-file', '--json-out-file', [CompletionResultType]::ParameterName, 'Write the JSON document there, beside the text')
            [CompletionResult]::new('--html', '--html', [CompletionResultType]::ParameterName, 'Write one page with charts there')
            [CompletionResult]::new('--hdr-file-prefix', '--hdr-file-prefix', [CompletionResultType]::ParameterName, 'Write histograms of each kind of command to PREFIX_NAME_command_run_N.txt and .hgrm')
            [CompletionResult]::new('--server-stats', '--server-stats', [CompletionResultType]::ParameterName, 'Ask the server for INFO each second [with --json, --json-out-file and --html]')
            [CompletionResult]::new('--live', '--live', [CompletionResultType]::ParameterName, 'Show throughput and percentiles while it runs [on a terminal]')
            [CompletionResult]::new('--precision', '--precision', [CompletionResultType]::ParameterName, 'Significant digits of latencies, 1 to 4 [3]')
            [CompletionResult]::new('--fatal-errors', '--fatal-errors', [CompletionResultType]::ParameterName, 'End at the first error reply; as redis-benchmark does, and else they are counted')
            [CompletionResult]::new('-3', '-3', [CompletionResultType]::ParameterName, 'Speak RESP3')
            [CompletionResult]::new('--cluster', '--cluster', [CompletionResultType]::ParameterName, 'Spread over the primaries of a cluster, a thread for each; keys need the text {tag}')
            [CompletionResult]::new('--enable-tracking', '--enable-tracking', [CompletionResultType]::ParameterName, 'Send CLIENT TRACKING on first')
            [CompletionResult]::new('--tls', '--tls', [CompletionResultType]::ParameterName, 'Speak TLS')
            [CompletionResult]::new('--insecure', '--insecure', [CompletionResultType]::ParameterName, 'Do not check the server''s certificate')
            [CompletionResult]::new('-x', '-x', [CompletionResultType]::ParameterName, 'Take the last argument of the command from standard input')
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'For ever, again and again')
            [CompletionResult]::new('-I', '-I ', [CompletionResultType]::ParameterName, 'Open idle connections, and wait')
            [CompletionResult]::new('-R', '-R ', [CompletionResultType]::ParameterName, 'Values that no compression makes smaller [letters]')
            [CompletionResult]::new('--random-data', '--random-data', [CompletionResultType]::ParameterName, 'Values that no compression makes smaller [letters]')
            [CompletionResult]::new('--data-verify', '--data-verify', [CompletionResultType]::ParameterName, 'Values follow from their keys: what GETs read is compared, and a wrong value is a failure')
            [CompletionResult]::new('--list-workloads', '--list-workloads', [CompletionResultType]::ParameterName, 'The workloads that are shipped, and what each is like')
            [CompletionResult]::new('--print-workload', '--print-workload', [CompletionResultType]::ParameterName, 'Print the workload''s file instead of running it')
            [CompletionResult]::new('--find-max', '--find-max', [CompletionResultType]::ParameterName, 'Search the highest rate of the open loop that meets --slo')
            [CompletionResult]::new('--verify', '--verify', [CompletionResultType]::ParameterName, 'Write values that check themselves, through restarts: lost writes, wrong reads, time without service')
            [CompletionResult]::new('--calibrate', '--calibrate', [CompletionResultType]::ParameterName, 'Measure this program against a responder that does nothing')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'A line for each test')
            [CompletionResult]::new('--csv', '--csv', [CompletionResultType]::ParameterName, 'Comma-separated values')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'A JSON document, with figures of every second')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Of old: show errors')
            break
        }
    })

    # Behind `rustredis cli`: commands, subcommands, directives and their values.
    if ($commandElements.Count -gt 1 -and $commandElements[1].Extent.Text -eq 'cli') {
        $before = @($commandElements | Select-Object -Skip 2 |
            Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.Extent.Text })
        $valued = '-h -p -s -u -n -t -a --pass --user --sni --cacert --cacertdir --cert --key --tls-ciphers --tls-ciphersuites -r -i -X --eval -d -D --show-pushes --view --intrinsic-latency --lru-test --top --save --rdb --functions-rdb --pattern --quoted-pattern --count --type --cursor --memkeys-samples --keystats-samples -top --pipe-timeout --import --del-match --expire-match --rate --journal --resume --undo --cluster --cluster-replicas --cluster-master-id --cluster-from --cluster-from-user --cluster-from-pass --cluster-to --cluster-slots --cluster-timeout --cluster-pipeline --cluster-weight --cluster-threshold'.Split(' ')
        $said = @()
        $skip = $false
        foreach ($word in $before) {
            if ($skip) {
                $skip = $false
            } elseif ($said.Count -gt 0) {
                $said += $word
            } elseif ($valued -ccontains $word) {
                $skip = $true
            } elseif ($word -notmatch '^[-@]|://') {
                $said += $word
            }
        }
        $subcommandsOf = { param($name) switch ($name) {
            { 'acl'.Split(' ') -contains $_ } { 'cat deluser dryrun genpass getuser help list load log save setuser users whoami'.Split(' ') }
            { 'client'.Split(' ') -contains $_ } { 'caching capa getname getredir help id import-source info kill list no-evict no-touch pause reply setinfo setname tracking trackinginfo unblock unpause'.Split(' ') }
            { 'cluster'.Split(' ') -contains $_ } { 'addslots addslotsrange bumpepoch count-failure-reports countkeysinslot delslots delslotsrange failover flushslots forget getkeysinslot help info keyslot links meet myid myshardid nodes replicas replicate reset saveconfig set-config-epoch setslot shards slaves slots'.Split(' ') }
            { 'command'.Split(' ') -contains $_ } { 'count docs getkeys getkeysandflags help info list'.Split(' ') }
            { 'commandlog'.Split(' ') -contains $_ } { 'get help len reset'.Split(' ') }
            { 'config'.Split(' ') -contains $_ } { 'get help resetstat rewrite set'.Split(' ') }
            { 'function'.Split(' ') -contains $_ } { 'delete dump flush help kill list load restore stats'.Split(' ') }
            { 'latency'.Split(' ') -contains $_ } { 'doctor graph help histogram history latest reset'.Split(' ') }
            { 'memory'.Split(' ') -contains $_ } { 'doctor help malloc-stats purge stats usage'.Split(' ') }
            { 'module'.Split(' ') -contains $_ } { 'help list load loadex unload'.Split(' ') }
            { 'object'.Split(' ') -contains $_ } { 'encoding freq help idletime refcount'.Split(' ') }
            { 'pubsub'.Split(' ') -contains $_ } { 'channels help numpat numsub shardchannels shardnumsub'.Split(' ') }
            { 'script'.Split(' ') -contains $_ } { 'debug exists flush help kill load show'.Split(' ') }
            { 'slowlog'.Split(' ') -contains $_ } { 'get help len reset'.Split(' ') }
            { 'xgroup'.Split(' ') -contains $_ } { 'create createconsumer delconsumer destroy help setid'.Split(' ') }
            { 'xinfo'.Split(' ') -contains $_ } { 'consumers groups help stream'.Split(' ') }
        } }
        $valuesOf = { param($name) switch ($name) {
            { 'tls-auth-clients-user'.Split(' ') -contains $_ } { 'CN URI off'.Split(' ') }
            { 'acl-pubsub-default'.Split(' ') -contains $_ } { 'allchannels resetchannels'.Split(' ') }
            { 'loglevel'.Split(' ') -contains $_ } { 'debug verbose notice warning nothing'.Split(' ') }
            { 'repl-diskless-load'.Split(' ') -contains $_ } { 'disabled on-empty-db swapdb flush-before-load'.Split(' ') }
            { 'appendfsync'.Split(' ') -contains $_ } { 'everysec always no'.Split(' ') }
            { 'propagation-error-behavior'.Split(' ') -contains $_ } { 'ignore panic panic-on-replicas'.Split(' ') }
            { 'cluster-preferred-endpoint-type'.Split(' ') -contains $_ } { 'ip hostname unknown-endpoint'.Split(' ') }
            { 'log-timestamp-format'.Split(' ') -contains $_ } { 'legacy iso8601 milliseconds'.Split(' ') }
            { 'log-format'.Split(' ') -contains $_ } { 'legacy logfmt json'.Split(' ') }
            { 'sanitize-dump-payload'.Split(' ') -contains $_ } { 'no yes clients'.Split(' ') }
            { 'enable-protected-configs enable-debug-command enable-module-command'.Split(' ') -contains $_ } { 'no yes local'.Split(' ') }
            { 'tls-auth-clients'.Split(' ') -contains $_ } { 'no yes optional'.Split(' ') }
            { 'oom-score-adj'.Split(' ') -contains $_ } { 'no yes relative absolute'.Split(' ') }
            { 'rdb-version-check'.Split(' ') -contains $_ } { 'strict relaxed'.Split(' ') }
            { 'cluster-config-save-behavior'.Split(' ') -contains $_ } { 'sync best-effort'.Split(' ') }
            { 'supervised'.Split(' ') -contains $_ } { 'upstart systemd auto no'.Split(' ') }
            { 'syslog-facility'.Split(' ') -contains $_ } { 'user local0 local1 local2 local3 local4 local5 local6 local7'.Split(' ') }
            { 'field-expiry-format'.Split(' ') -contains $_ } { 'valkey-9 redis-7.4'.Split(' ') }
            { 'maxmemory-policy'.Split(' ') -contains $_ } { 'volatile-lru volatile-lfu volatile-random volatile-ttl allkeys-lru allkeys-lfu allkeys-random noeviction'.Split(' ') }
            { 'protected-mode mptcp repl-mptcp tls-cluster tls-prefer-server-ciphers tls-replication tls-session-caching metrics-page daemonize syslog-enabled always-show-logo set-proc-title disable-thp hide-user-data-from-log dynamic-hz crash-log-enabled crash-memcheck-enabled extended-redis-compatibility lazyfree-lazy-eviction lazyfree-lazy-expire lazyfree-lazy-server-del lazyfree-lazy-user-del lazyfree-lazy-user-flush activerehashing activedefrag jemalloc-bg-thread import-mode rdbcompression rdbchecksum rdb-save-incremental-fsync rdb-del-sync-files stop-writes-on-bgsave-error appendonly no-appendfsync-on-rewrite aof-load-truncated aof-use-rdb-preamble aof-timestamp-enabled aof-rewrite-incremental-fsync replica-serve-stale-data replica-read-only replica-ignore-maxmemory replica-ignore-disk-write-errors replica-lazy-flush replica-announced repl-diskless-sync repl-disable-tcp-nodelay dual-channel-replication-enabled latency-tracking cluster-enabled cluster-allow-pubsubshard-when-down cluster-allow-reads-when-down cluster-allow-replica-migration cluster-replica-no-failover cluster-require-full-coverage cluster-slot-stats-enabled'.Split(' ') -contains $_ } { 'yes no'.Split(' ') }
        } }
        $follows = @()
        if ($skip) {
        } elseif ($said.Count -eq 0) {
            if (-not $wordToComplete.StartsWith('-')) {
                $follows = 'acl append asking auth bgrewriteaof bgsave bitcount bitfield bitfield_ro bitop bitpos blmove blmpop blpop brpop brpoplpush bzmpop bzpopmax bzpopmin client cluster command commandlog config copy dbsize debug decr decrby del delex delifeq digest discard dump echo eval eval_ro evalsha evalsha_ro exec exists expire expireat expiretime failover fcall fcall_ro flushall flushdb function geoadd geodist geohash geopos georadius georadius_ro georadiusbymember georadiusbymember_ro geosearch geosearchstore get getbit getdel getex getrange getset hdel hello hexists hexpire hexpireat hexpiretime hget hgetall hgetdel hgetex hincrby hincrbyfloat hkeys hlen hmget hmset hpersist hpexpire hpexpireat hpexpiretime hpttl hrandfield hscan hset hsetex hsetnx hstrlen httl hvals incr incrby incrbyfloat info keys lastsave latency lcs lindex linsert llen lmove lmpop lolwut lpop lpos lpush lpushx lrange lrem lset ltrim memory mget migrate module monitor move mset msetex msetnx multi object persist pexpire pexpireat pexpiretime pfadd pfcount pfdebug pfmerge pfselftest ping psetex psubscribe psync pttl publish pubsub punsubscribe quit randomkey readonly readwrite rename renamenx replconf replicaof reset restore restore-asking role rpop rpoplpush rpush rpushx sadd save scan scard script sdiff sdiffstore select set setbit setex setnx setrange shutdown sinter sintercard sinterstore sismember slaveof slowlog smembers smismember smove sort sort_ro spop spublish srandmember srem sscan ssubscribe strlen subscribe substr sunion sunionstore sunsubscribe swapdb sync time touch ttl type unlink unsubscribe unwatch wait waitaof watch xack xackdel xadd xautoclaim xclaim xdel xdelex xgroup xinfo xlen xpending xrange xread xreadgroup xrevrange xsetid xtrim zadd zcard zcount zdiff zdiffstore zincrby zinter zintercard zinterstore zlexcount zmpop zmscore zpopmax zpopmin zrandmember zrange zrangebylex zrangebyscore zrangestore zrank zrem zremrangebylex zremrangebyrank zremrangebyscore zrevrange zrevrangebylex zrevrangebyscore zrevrank zscan zscore zunion zunionstore'.Split(' ')
            }
        } elseif ($said.Count -eq 1) {
            $follows = @(& $subcommandsOf $said[0])
        } elseif ($said[0] -eq 'config') {
            if ($said[1] -eq 'get' -or ($said[1] -eq 'set' -and $said.Count % 2 -eq 0)) {
                $follows = 'acl-pubsub-default aclfile acllog-max-len active-defrag-cycle-max active-defrag-cycle-min active-defrag-cycle-us active-defrag-ignore-bytes active-defrag-max-scan-fields active-defrag-threshold-lower active-defrag-threshold-upper active-expire-effort activedefrag activerehashing always-show-logo aof-load-truncated aof-rewrite-cpulist aof-rewrite-incremental-fsync aof-timestamp-enabled aof-use-rdb-preamble appenddirname appendfilename appendfsync appendonly auto-aof-rewrite-min-size auto-aof-rewrite-percentage availability-zone bgsave-cpulist bind bind-source-addr bio-cpulist busy-reply-threshold client-output-buffer-limit client-query-buffer-limit cluster-allow-pubsubshard-when-down cluster-allow-reads-when-down cluster-allow-replica-migration cluster-announce-bus-port cluster-announce-client-ipv4 cluster-announce-client-ipv6 cluster-announce-client-port cluster-announce-client-tls-port cluster-announce-hostname cluster-announce-human-nodename cluster-announce-ip cluster-announce-port cluster-announce-tls-port cluster-blacklist-ttl cluster-compatibility-sample-ratio cluster-config-file cluster-config-save-behavior cluster-databases cluster-enabled cluster-link-sendbuf-limit cluster-manual-failover-timeout cluster-migration-barrier cluster-node-timeout cluster-port cluster-preferred-endpoint-type cluster-replica-no-failover cluster-replica-validity-factor cluster-require-full-coverage cluster-slot-migration-log-max-len cluster-slot-stats-enabled commandlog-large-reply-max-len commandlog-large-request-max-len commandlog-reply-larger-than commandlog-request-larger-than crash-log-enabled crash-memcheck-enabled daemonize databases dbfilename dir disable-thp dual-channel-replication-enabled dynamic-hz enable-debug-command enable-module-command enable-protected-configs extended-redis-compatibility field-expiry-format hash-max-listpack-entries hash-max-listpack-value hash-seed hide-user-data-from-log hll-sparse-max-bytes hz ignore-warnings import-mode io-threads jemalloc-bg-thread latency-monitor-threshold latency-tracking latency-tracking-info-percentiles lazyfree-lazy-eviction lazyfree-lazy-expire lazyfree-lazy-server-del lazyfree-lazy-user-del lazyfree-lazy-user-flush lfu-decay-time lfu-log-factor list-compress-depth list-max-listpack-size locale-collate log-format log-timestamp-format logfile loglevel masterauth masteruser max-new-connections-per-cycle max-new-tls-connections-per-cycle maxclients maxmemory maxmemory-clients maxmemory-eviction-tenacity maxmemory-policy maxmemory-samples metrics-page metrics-port min-replicas-max-lag min-replicas-to-write mptcp no-appendfsync-on-rewrite notify-keyspace-events oom-score-adj oom-score-adj-values pidfile port prefetch-batch-max-size proc-title-template propagation-error-behavior protected-mode proto-max-bulk-len rdb-del-sync-files rdb-save-incremental-fsync rdb-version-check rdbchecksum rdbcompression rdma-bind rdma-completion-vector rdma-port rdma-rx-size repl-backlog-size repl-backlog-ttl repl-disable-tcp-nodelay repl-diskless-load repl-diskless-sync repl-diskless-sync-delay repl-diskless-sync-max-replicas repl-mptcp repl-ping-replica-period repl-timeout replica-announce-ip replica-announce-port replica-announced replica-full-sync-buffer-limit replica-ignore-disk-write-errors replica-ignore-maxmemory replica-lazy-flush replica-priority replica-read-only replica-serve-stale-data replicaof requirepass sanitize-dump-payload save server-cpulist set-max-intset-entries set-max-listpack-entries set-max-listpack-value set-proc-title shutdown-on-sigint shutdown-on-sigterm shutdown-timeout slot-migration-max-failover-repl-bytes slowlog-log-slower-than slowlog-max-len socket-mark-id stop-writes-on-bgsave-error stream-node-max-bytes stream-node-max-entries supervised syslog-enabled syslog-facility syslog-ident tcp-backlog tcp-keepalive threads timeout tls-auth-clients tls-auth-clients-user tls-auto-reload-interval tls-ca-cert-dir tls-ca-cert-file tls-cert-file tls-ciphers tls-ciphersuites tls-client-cert-file tls-client-key-file tls-client-key-file-pass tls-cluster tls-dh-params-file tls-key-file tls-key-file-pass tls-port tls-prefer-server-ciphers tls-protocols tls-replication tls-session-cache-size tls-session-cache-timeout tls-session-caching tracking-table-max-keys unixsocket unixsocketgroup unixsocketperm zset-max-listpack-entries zset-max-listpack-value'.Split(' ')
            } elseif ($said[1] -eq 'set') {
                $follows = @(& $valuesOf $said[-1])
            }
        }
        if ($follows.Count -gt 0) {
            $completions = @($follows | ForEach-Object {
                [CompletionResult]::new($_, $_, [CompletionResultType]::ParameterValue, $_)
            })
        }
    }

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
