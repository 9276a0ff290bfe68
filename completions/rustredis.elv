
use builtin;
use str;

set edit:completion:arg-completer[rustredis] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'rustredis'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'rustredis'= {
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
            cand rdb 'Read snapshots: print, check, summarize, compare, convert, rescue'
            cand aof 'Read append-only files: print, check, and cut what is broken or too late'
            cand serve 'Run the server'
            cand cli 'Talk to a server: one command, a session, or a look at it'
            cand bench 'Load a server, and tell throughput and latencies'
        }
        &'rustredis;rdb'= {
            cand -h 'Print help'
            cand --help 'Print help'
            cand dump 'Print every key with its value'
            cand check 'Check a file as redis-check-rdb does; exit code 1 if it is broken'
            cand stats 'Summarize a file on one page'
            cand diff 'Tell what changed from one file to another; exit code 0: nothing, 1: something, 2: trouble'
            cand convert 'Write a file again for another server'
            cand salvage 'Save what can be read of a broken file into a new one'
        }
        &'rustredis;rdb;dump'= {
            cand --format 'format'
            cand --db 'Only this database; may be given again'
            cand --key 'Only keys that fit; may be given again'
            cand --not-key 'No keys that fit; may be given again'
            cand --type 'Only this type (string, list, set, zset, hash, stream, module); may be given again'
            cand --min-size 'Only keys whose records take at least so many bytes of the file (10kb, 1mb …)'
            cand --ttl 'Only keys that never expire (none), that do (any), or whose time left lies in a range such as 60s..1h or ..1d'
            cand --limit 'Stop after so many keys'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'rustredis;rdb;check'= {
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'rustredis;rdb;stats'= {
            cand --html 'Also write a page with charts, which needs nothing else'
            cand --separator 'What ends a prefix in a key''s name'
            cand --top 'How many prefixes and biggest keys to name'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'rustredis;rdb;diff'= {
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'rustredis;rdb;convert'= {
            cand -o 'The file to write'
            cand --output 'The file to write'
            cand --target 'The oldest server that has to read it; later ones of its family do, too'
            cand --drop 'Leave out what the target cannot hold'
            cand --no-compression 'Leave strings uncompressed'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'rustredis;rdb;salvage'= {
            cand -o 'The file to write'
            cand --output 'The file to write'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'rustredis;aof'= {
            cand -h 'Print help'
            cand --help 'Print help'
            cand check 'Check a log as redis-check-aof does; exit code 1 if it is broken'
            cand dump 'Print every command with where it stands, its database and its time'
            cand stats 'Summarize a log: operations and bytes by command and by prefix of the keys, and what a rewrite would save'
            cand recover 'Write a log that ends at an earlier point into a new directory'
        }
        &'rustredis;aof;check'= {
            cand --truncate-to-timestamp 'Cut off what was written after this time (Unix seconds)'
            cand --fix 'Cut off what is behind the last whole command'
            cand -y 'Cut without asking'
            cand --yes 'Cut without asking'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'rustredis;aof;dump'= {
            cand --format 'format'
            cand --db 'Only this database; may be given again'
            cand --key 'Only keys that fit; may be given again'
            cand --not-key 'No keys that fit; may be given again'
            cand --type 'Only this type (string, list, set, zset, hash, stream, module); may be given again'
            cand --min-size 'Only keys whose records take at least so many bytes of the file (10kb, 1mb …)'
            cand --ttl 'Only keys that never expire (none), that do (any), or whose time left lies in a range such as 60s..1h or ..1d'
            cand --limit 'Stop after so many keys'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'rustredis;aof;stats'= {
            cand --separator 'What ends a prefix in a key''s name'
            cand --top 'How many commands and prefixes to name'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'rustredis;aof;recover'= {
            cand -o 'The directory to make; there must be none of this name'
            cand --output 'The directory to make; there must be none of this name'
            cand --until-offset 'Keep what ends at or before this offset of the last file, or of the one named, as `aof dump` tells both'
            cand --until-time 'Keep what was written until then: Unix seconds, or 2026-01-31T12:00:00Z. Needs a log with aof-timestamp-enabled'
            cand --before-command 'Keep what comes before the first command that begins with these words, each a glob: FLUSHALL, ''DEL user:*'''
            cand --nth 'Stop before the N-th such command instead'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'rustredis;serve'= {
            cand --bind '[* -::*]'
            cand --bind-source-addr '['''']'
            cand --port '[6379]'
            cand --tcp-backlog '[511]'
            cand --tcp-keepalive '[300]'
            cand --unixsocket '['''']'
            cand --unixsocketperm '[0]'
            cand --unixsocketgroup '['''']'
            cand --timeout '[0]'
            cand --protected-mode '[yes]'
            cand --maxclients '[10000]'
            cand --proto-max-bulk-len '[536870912]'
            cand --client-query-buffer-limit '[1073741824]'
            cand --client-output-buffer-limit '[normal 0 0 0 replica 268435456 67108864 60 pubsub 33554432 8388608 60]'
            cand --maxmemory-clients '[0]'
            cand --socket-mark-id '[0]'
            cand --max-new-connections-per-cycle '[10]'
            cand --max-new-tls-connections-per-cycle '[1]'
            cand --mptcp '[no]'
            cand --repl-mptcp '[no]'
            cand --rdma-bind '['''']'
            cand --rdma-completion-vector '[-1]'
            cand --rdma-port '[0]'
            cand --rdma-rx-size '[1048576]'
            cand --tls-port '[0]'
            cand --tls-auth-clients '[yes]'
            cand --tls-auth-clients-user '[off]'
            cand --tls-auto-reload-interval '[0]'
            cand --tls-ca-cert-dir '['''']'
            cand --tls-ca-cert-file '['''']'
            cand --tls-cert-file '['''']'
            cand --tls-ciphers '['''']'
            cand --tls-ciphersuites '['''']'
            cand --tls-client-cert-file '['''']'
            cand --tls-client-key-file '['''']'
            cand --tls-client-key-file-pass '['''']'
            cand --tls-cluster '[no]'
            cand --tls-dh-params-file '['''']'
            cand --tls-key-file '['''']'
            cand --tls-key-file-pass '['''']'
            cand --tls-prefer-server-ciphers '[no]'
            cand --tls-protocols '['''']'
            cand --tls-replication '[no]'
            cand --tls-session-cache-size '[20480]'
            cand --tls-session-cache-timeout '[300]'
            cand --tls-session-caching '[yes]'
            cand --threads '[0]'
            cand --io-threads '[1]'
            cand --metrics-port '[0]'
            cand --metrics-page '[no]'
            cand --databases '[16]'
            cand --dir '[.]'
            cand --daemonize '[no]'
            cand --supervised '[no]'
            cand --pidfile '['''']'
            cand --loglevel '[notice]'
            cand --logfile '['''']'
            cand --syslog-enabled '[no]'
            cand --syslog-ident '[redis]'
            cand --syslog-facility '[local0]'
            cand --always-show-logo '[no]'
            cand --set-proc-title '[yes]'
            cand --proc-title-template '[{title} {listen-addr} {server-mode}]'
            cand --disable-thp '[yes]'
            cand --oom-score-adj '[no]'
            cand --oom-score-adj-values '[0 200 800]'
            cand --shutdown-timeout '[10]'
            cand --shutdown-on-sigint '[default]'
            cand --shutdown-on-sigterm '[default]'
            cand --hz '[10]'
            cand --hide-user-data-from-log '[no]'
            cand --availability-zone '['''']'
            cand --locale-collate '['''']'
            cand --dynamic-hz '[yes]'
            cand --crash-log-enabled '[yes]'
            cand --crash-memcheck-enabled '[yes]'
            cand --ignore-warnings '['''']'
            cand --server-cpulist '['''']'
            cand --bio-cpulist '['''']'
            cand --bgsave-cpulist '['''']'
            cand --aof-rewrite-cpulist '['''']'
            cand --prefetch-batch-max-size '[16]'
            cand --log-format '[legacy]'
            cand --log-timestamp-format '[legacy]'
            cand --hash-seed '['''']'
            cand --extended-redis-compatibility '[no]'
            cand --requirepass '['''']'
            cand --aclfile '['''']'
            cand --acl-pubsub-default '[resetchannels]'
            cand --acllog-max-len '[128]'
            cand --enable-protected-configs '[no]'
            cand --enable-debug-command '[no]'
            cand --enable-module-command '[no]'
            cand --sanitize-dump-payload '[no]'
            cand --maxmemory '[0]'
            cand --maxmemory-policy '[noeviction]'
            cand --maxmemory-samples '[5]'
            cand --maxmemory-eviction-tenacity '[10]'
            cand --lfu-log-factor '[10]'
            cand --lfu-decay-time '[1]'
            cand --active-expire-effort '[1]'
            cand --lazyfree-lazy-eviction '[no]'
            cand --lazyfree-lazy-expire '[no]'
            cand --lazyfree-lazy-server-del '[no]'
            cand --lazyfree-lazy-user-del '[no]'
            cand --lazyfree-lazy-user-flush '[no]'
            cand --tracking-table-max-keys '[1000000]'
            cand --activerehashing '[yes]'
            cand --activedefrag '[no]'
            cand --active-defrag-cycle-min '[1]'
            cand --active-defrag-cycle-max '[25]'
            cand --active-defrag-cycle-us '[500]'
            cand --active-defrag-ignore-bytes '[104857600]'
            cand --active-defrag-max-scan-fields '[1000]'
            cand --active-defrag-threshold-lower '[10]'
            cand --active-defrag-threshold-upper '[100]'
            cand --jemalloc-bg-thread '[yes]'
            cand --import-mode '[no]'
            cand --hash-max-listpack-entries '[512]'
            cand --hash-max-listpack-value '[64]'
            cand --zset-max-listpack-entries '[128]'
            cand --zset-max-listpack-value '[64]'
            cand --set-max-intset-entries '[512]'
            cand --set-max-listpack-entries '[128]'
            cand --set-max-listpack-value '[64]'
            cand --list-max-listpack-size '[-2]'
            cand --list-compress-depth '[0]'
            cand --stream-node-max-bytes '[4096]'
            cand --stream-node-max-entries '[100]'
            cand --hll-sparse-max-bytes '[3000]'
            cand --save '[3600 1 300 100 60 10000]'
            cand --dbfilename '[dump.rdb]'
            cand --rdbcompression '[yes]'
            cand --rdbchecksum '[yes]'
            cand --rdb-save-incremental-fsync '[yes]'
            cand --rdb-del-sync-files '[no]'
            cand --field-expiry-format '[valkey-9]'
            cand --stop-writes-on-bgsave-error '[yes]'
            cand --rdb-version-check '[strict]'
            cand --appendonly '[no]'
            cand --appendfilename '[appendonly.aof]'
            cand --appenddirname '[appendonlydir]'
            cand --appendfsync '[everysec]'
            cand --no-appendfsync-on-rewrite '[no]'
            cand --auto-aof-rewrite-percentage '[100]'
            cand --auto-aof-rewrite-min-size '[67108864]'
            cand --aof-load-truncated '[yes]'
            cand --aof-use-rdb-preamble '[yes]'
            cand --aof-timestamp-enabled '[no]'
            cand --aof-rewrite-incremental-fsync '[yes]'
            cand --replicaof '['''']'
            cand --masterauth '['''']'
            cand --masteruser '['''']'
            cand --replica-serve-stale-data '[yes]'
            cand --replica-read-only '[yes]'
            cand --replica-ignore-maxmemory '[yes]'
            cand --replica-ignore-disk-write-errors '[no]'
            cand --replica-lazy-flush '[no]'
            cand --replica-priority '[100]'
            cand --replica-announced '[yes]'
            cand --replica-announce-ip '['''']'
            cand --replica-announce-port '[0]'
            cand --replica-full-sync-buffer-limit '[0]'
            cand --repl-diskless-sync '[yes]'
            cand --repl-diskless-sync-delay '[5]'
            cand --repl-diskless-sync-max-replicas '[0]'
            cand --repl-diskless-load '[disabled]'
            cand --repl-ping-replica-period '[10]'
            cand --repl-timeout '[60]'
            cand --repl-disable-tcp-nodelay '[no]'
            cand --repl-backlog-size '[1048576]'
            cand --repl-backlog-ttl '[3600]'
            cand --min-replicas-to-write '[0]'
            cand --min-replicas-max-lag '[10]'
            cand --propagation-error-behavior '[ignore]'
            cand --dual-channel-replication-enabled '[no]'
            cand --slowlog-log-slower-than '[10000]'
            cand --slowlog-max-len '[128]'
            cand --latency-monitor-threshold '[0]'
            cand --latency-tracking '[yes]'
            cand --latency-tracking-info-percentiles '[50 99 99.9]'
            cand --notify-keyspace-events '['''']'
            cand --busy-reply-threshold '[5000]'
            cand --commandlog-large-reply-max-len '[128]'
            cand --commandlog-large-request-max-len '[128]'
            cand --commandlog-reply-larger-than '[1048576]'
            cand --commandlog-request-larger-than '[1048576]'
            cand --cluster-enabled '[no]'
            cand --cluster-config-file '[nodes.conf]'
            cand --cluster-port '[0]'
            cand --cluster-databases '[1]'
            cand --cluster-node-timeout '[15000]'
            cand --cluster-allow-pubsubshard-when-down '[yes]'
            cand --cluster-allow-reads-when-down '[no]'
            cand --cluster-allow-replica-migration '[yes]'
            cand --cluster-announce-bus-port '[0]'
            cand --cluster-announce-client-ipv4 '['''']'
            cand --cluster-announce-client-ipv6 '['''']'
            cand --cluster-announce-client-port '[0]'
            cand --cluster-announce-client-tls-port '[0]'
            cand --cluster-announce-hostname '['''']'
            cand --cluster-announce-human-nodename '['''']'
            cand --cluster-announce-ip '['''']'
            cand --cluster-announce-port '[0]'
            cand --cluster-announce-tls-port '[0]'
            cand --cluster-blacklist-ttl '[60]'
            cand --cluster-compatibility-sample-ratio '[0]'
            cand --cluster-config-save-behavior '[sync]'
            cand --cluster-link-sendbuf-limit '[0]'
            cand --cluster-manual-failover-timeout '[5000]'
            cand --cluster-migration-barrier '[1]'
            cand --cluster-preferred-endpoint-type '[ip]'
            cand --cluster-replica-no-failover '[no]'
            cand --cluster-replica-validity-factor '[10]'
            cand --cluster-require-full-coverage '[yes]'
            cand --cluster-slot-migration-log-max-len '[1000]'
            cand --cluster-slot-stats-enabled '[no]'
            cand --slot-migration-max-failover-repl-bytes '[0]'
        }
        &'rustredis;cli'= {
            cand -h 'Server''s host [127.0.0.1]'
            cand -p 'Server''s port [6379]'
            cand -s 'A Unix socket, instead of host and port'
            cand -u 'redis://[[user:]password@]host[:port][/db], rediss://, unix://path'
            cand -n 'Database number'
            cand -t 'How long to wait for a connection, such as 0.5'
            cand -a 'Password; safer in the environment: REDISCLI_AUTH'
            cand --pass 'The same as -a'
            cand --user 'User''s name for AUTH; needs a password'
            cand --sni 'Server''s name to ask for'
            cand --cacert 'Certificates to trust'
            cand --cacertdir 'A directory of such files; without either the system''s are trusted'
            cand --cert 'Certificate to show'
            cand --key 'Its private key'
            cand --tls-ciphers 'Ciphers up to TLS 1.2, best first, with '':'' between'
            cand --tls-ciphersuites 'Cipher suites of TLS 1.3, likewise'
            cand -r 'Run it N times; negative: for ever'
            cand -i 'Pause between runs, lines of --stat, SCAN calls, such as 0.1'
            cand -X 'Take the argument TAG from standard input'
            cand --eval 'Run a Lua script: keys, a comma, arguments'
            cand -d 'Between elements of raw replies [\n]'
            cand -D 'Between raw replies [\n]'
            cand --show-pushes 'Show RESP3''s pushes; as a rule on a terminal'
            cand --view 'In the REPL: table, redis, json or raw'
            cand --intrinsic-latency 'What this machine itself adds'
            cand --lru-test 'A cache''s work, 80 to 20, with so many keys'
            cand --top 'Busiest commands, keys and clients, from so long a MONITOR'
            cand --save 'Keep what --top saw, for a replay'
            cand --rdb 'Fetch a snapshot; ''-'' for standard output'
            cand --functions-rdb 'Fetch a snapshot of the functions only'
            cand --pattern 'Only keys that fit'
            cand --quoted-pattern 'The same, in quotes with escapes'
            cand --count 'SCAN''s COUNT'
            cand --type 'Only keys of a type, for --scan'
            cand --cursor 'Where --scan and --keystats begin'
            cand --memkeys-samples 'The same, sampling N elements of each'
            cand --keystats-samples 'The same, sampling N elements of each'
            cand --pipe-timeout 'How long to wait for the last reply [30]; 0: for ever'
            cand --import 'Run the commands of a file (''-'': standard input), inline or RESP, errors with line numbers'
            cand --del-match 'Delete the keys that fit'
            cand --expire-match 'Let the keys that fit expire'
            cand --rate 'At most N keys a second'
            cand --journal 'Keep what is deleted or changed, for --undo'
            cand --resume 'Where to keep the place, and to go on from it'
            cand --undo 'Restore what a journal keeps'
            cand --cluster 'Manage a cluster; --cluster help lists the commands'
            cand --cluster-replicas 'create: replicas of each primary'
            cand --cluster-master-id 'add-node: whose replica'
            cand --cluster-from 'reshard, import: from where'
            cand --cluster-from-user 'import: user at the source'
            cand --cluster-from-pass 'import: password at the source'
            cand --cluster-to 'reshard: to where'
            cand --cluster-slots 'reshard: how many slots'
            cand --cluster-timeout 'Limit of each MIGRATE [60000]'
            cand --cluster-pipeline 'Keys of each MIGRATE [10]'
            cand --cluster-weight 'rebalance: weights'
            cand --cluster-threshold 'rebalance: what is too far from even [2]'
            cand -4 'Only IPv4 addresses of the host'
            cand -6 'Only its IPv6 addresses'
            cand -2 'Speak RESP2'
            cand -3 'Speak RESP3'
            cand -c 'Follow MOVED and ASK of a cluster, in every mode'
            cand --askpass 'Ask for the password on the terminal'
            cand --no-auth-warning 'No warning of a password on the command line'
            cand --tls 'Speak TLS'
            cand --insecure 'Do not check the server''s certificate'
            cand -x 'Take the last argument from standard input'
            cand -e 'Exit code 1, and the text on standard error, for an error reply'
            cand --quoted-input 'Arguments in quotes have escapes'
            cand --ldb 'Run the script of --eval step by step, in a server with a debugger'
            cand --ldb-sync-mode 'The same, holding the server up; what the script writes stays'
            cand --yes 'Yes to what the guard rails would ask'
            cand --read-only 'Refuse commands that write'
            cand --raw 'Replies as they are; so without a terminal'
            cand --no-raw 'Replies for people, without a terminal too'
            cand --csv 'As comma-separated values'
            cand --json 'As JSON, by RESP3 unless -2'
            cand --quoted-json 'As JSON of ASCII only'
            cand --verbose 'Say more'
            cand --stat 'Figures of the server, a line each second'
            cand --latency 'Sample the latency'
            cand --latency-history 'A line of it every 15 seconds, or -i'
            cand --latency-dist 'It as a spectrum of colours'
            cand --replica 'Show what a replica is sent'
            cand --slave 'The same'
            cand --scan 'List keys with SCAN'
            cand --bigkeys 'Keys with the most elements'
            cand --memkeys 'Keys with the most memory'
            cand --keystats 'Both, with the distribution of sizes'
            cand --hotkeys 'Keys used most; needs an LFU policy'
            cand --no-key-completion 'Tab does not ask the server for keys'
            cand --pipe 'Send standard input as it is'
            cand --dry-run 'Say what would be hit, and change nothing'
            cand --cluster-yes 'Yes to questions'
            cand --cluster-only-masters 'call: primaries only'
            cand --cluster-only-replicas 'call: replicas only'
            cand --cluster-search-multiple-owners 'check, fix: look for slots with several owners'
            cand --cluster-fix-with-unreachable-masters 'fix: give the slots of primaries that cannot be reached to others'
            cand --cluster-from-askpass 'import: ask for the password of the source'
            cand --cluster-replace 'reshard, rebalance: overwrite keys that exist'
            cand --cluster-copy 'import: keep the keys at their source'
            cand --cluster-slave 'add-node: as a replica'
            cand --cluster-use-empty-masters 'rebalance: primaries without slots too'
            cand --cluster-simulate 'rebalance: say what would move'
        }
        &'rustredis;bench'= {
            cand -h 'Server''s host [127.0.0.1]'
            cand --host 'Server''s host [127.0.0.1]'
            cand --server 'Server''s host [127.0.0.1]'
            cand -p 'Server''s port [6379]'
            cand --port 'Server''s port [6379]'
            cand -s 'A Unix socket, instead of host and port'
            cand --unix-socket 'A Unix socket, instead of host and port'
            cand -u 'redis://[[user:]password@]host[:port][/db], rediss://, unix://path'
            cand -a 'Password'
            cand --user 'User''s name for AUTH; needs -a'
            cand --dbnum 'Database number [0]'
            cand --select-db 'Database number [0]'
            cand --sni 'Server''s name to ask for'
            cand --cacert 'Certificates to trust'
            cand --cacertdir 'A directory of such files; without either the system''s are trusted'
            cand --cert 'Certificate to show'
            cand --key 'Its private key'
            cand --tls-ciphers 'Ciphers up to TLS 1.2, best first, with '':'' between'
            cand --tls-ciphersuites 'Cipher suites of TLS 1.3, likewise'
            cand -c 'Parallel connections [50]'
            cand --clients 'Parallel connections [50]'
            cand -n 'Requests of a test [100000]; allkeys: one for each key of a mix''s range'
            cand --requests 'Requests of a test [100000]; allkeys: one for each key of a mix''s range'
            cand -d 'Size of values [3]'
            cand --data-size 'Size of values [3]'
            cand -P 'Requests in a pipeline [1]'
            cand --pipeline 'Requests in a pipeline [1]'
            cand -r 'Random numbers below N, of 12 digits, for __rand_int__ and __rand_1st__ in arguments'
            cand -k 'Keep connections [1], or connect anew for every pipeline'
            cand --threads 'Threads that send'
            cand --io 'A call of the system for each request, or one for several where there is io_uring [auto]'
            cand --seed 'Start of the random numbers, so that they repeat'
            cand --test-time 'Each test takes so long, whatever -n says'
            cand --warmup 'Run each test so long first, and forget the figures'
            cand --run-count 'Run each test so often, and say how far the runs are apart [1]'
            cand --reconnect-interval 'Close each connection after N requests, and make a new one'
            cand -t 'Only these of the tests below, with commas between; no effect if a command is given'
            cand --ratio 'SETs and GETs in this ratio'
            cand --command 'A command of a set; may be given often. __key__ and __data__ stand for a key and a value, __number:LOW-HIGH__ for a number'
            cand --command-ratio 'How often, beside the others, the command in front is sent [1]'
            cand --command-key-pattern 'Which keys the command in front takes'
            cand --key-pattern 'Which keys come: R random, S sequential, P parallel, G gaussian, Z zipf [R:R]'
            cand --key-prefix 'What keys begin with [memtier-]'
            cand --key-minimum 'Number of the first key [0]'
            cand --key-maximum 'Number of the last key [10000000]'
            cand --key-stddev 'Deviation of the gaussian pattern [a sixth of the range]'
            cand --key-median 'Middle of the gaussian pattern [of the range]'
            cand --key-zipf-exp 'Exponent of the zipf pattern, up to 5 [1]'
            cand --data-size-range 'Sizes of values, any between'
            cand --data-size-list 'Sizes of values, by weight'
            cand --data-size-dist 'normal(MEAN,DEVIATION), lognormal(MEDIAN,SIGMA) or exponential(MEAN)'
            cand --data-size-pattern 'Sizes of a range: random, or from the smallest to the largest along the keys [R]'
            cand --compressible 'Values of which so much repeats itself'
            cand --expiry-range 'SETs expire after so many seconds'
            cand --workload 'One of those shipped, or a TOML file: phases, mixes, key spaces, sizes, times to live'
            cand --workload-from 'A workload like the data of a snapshot: types, sizes, times to live'
            cand --monitor-input 'Send what MONITOR showed again, with the gaps it had'
            cand --speed 'So many times as fast, or without gaps [1x]'
            cand --slo 'p99<1ms, or several: p50<200us,p99.9<5ms,errors<0.1%'
            cand --step-time 'How long a step of --find-max takes [3], or a block of ab [1]'
            cand --block-time 'How long a step of --find-max takes [3], or a block of ab [1]'
            cand --blocks 'Blocks of ab on either side [10]'
            cand --require 'rps>=0.95,p99<=1.1: ab ends with code 2 if a ratio B/A surely misses one of them'
            cand --also 'Where else --verify may find the primary after a failover; may be given often'
            cand --respond 'Be that responder: +OK to everything on this port'
            cand --rate 'N requests a second, whether or not the server keeps up; latencies from when each should have gone out'
            cand --arrivals 'Gaps between them [poisson]'
            cand --json-out-file 'Write the JSON document there, beside the text'
            cand --html 'Write one page with charts there'
            cand --hdr-file-prefix 'Write histograms of each kind of command to PREFIX_NAME_command_run_N.txt and .hgrm'
            cand --server-stats 'Ask the server for INFO each second [with --json, --json-out-file and --html]'
            cand --live 'Show throughput and percentiles while it runs [on a terminal]'
            cand --precision 'Significant digits of latencies, 1 to 4 [3]'
            cand --fatal-errors 'End at the first error reply; as redis-benchmark does, and else they are counted'
            cand -3 'Speak RESP3'
            cand --cluster 'Spread over the primaries of a cluster, a thread for each; keys need the text {tag}'
            cand --enable-tracking 'Send CLIENT TRACKING on first'
            cand --tls 'Speak TLS'
            cand --insecure 'Do not check the server''s certificate'
            cand -x 'Take the last argument of the command from standard input'
            cand -l 'For ever, again and again'
            cand -I 'Open idle connections, and wait'
            cand -R 'Values that no compression makes smaller [letters]'
            cand --random-data 'Values that no compression makes smaller [letters]'
            cand --data-verify 'Values follow from their keys: what GETs read is compared, and a wrong value is a failure'
            cand --list-workloads 'The workloads that are shipped, and what each is like'
            cand --print-workload 'Print the workload''s file instead of running it'
            cand --find-max 'Search the highest rate of the open loop that meets --slo'
            cand --verify 'Write values that check themselves, through restarts: lost writes, wrong reads, time without service'
            cand --calibrate 'Measure this program against a responder that does nothing'
            cand -q 'A line for each test'
            cand --csv 'Comma-separated values'
            cand --json 'A JSON document, with figures of every second'
            cand -e 'Of old: show errors'
        }
    ]
    $completions[$command]
}

use re

# Behind `rustredis cli`: commands, subcommands, directives and their values.
var rustredis-flags = $edit:completion:arg-completer[rustredis]
var rustredis-subcommands = [
    [[acl] [cat deluser dryrun genpass getuser help list load log save setuser users whoami]]
    [[client] [caching capa getname getredir help id import-source info kill list no-evict no-touch pause reply setinfo setname tracking trackinginfo unblock unpause]]
    [[cluster] [addslots addslotsrange bumpepoch count-failure-reports countkeysinslot delslots delslotsrange failover flushslots forget getkeysinslot help info keyslot links meet myid myshardid nodes replicas replicate reset saveconfig set-config-epoch setslot shards slaves slots]]
    [[command] [count docs getkeys getkeysandflags help info list]]
    [[commandlog] [get help len reset]]
    [[config] [get help resetstat rewrite set]]
    [[function] [delete dump flush help kill list load restore stats]]
    [[latency] [doctor graph help histogram history latest reset]]
    [[memory] [doctor help malloc-stats purge stats usage]]
    [[module] [help list load loadex unload]]
    [[object] [encoding freq help idletime refcount]]
    [[pubsub] [channels help numpat numsub shardchannels shardnumsub]]
    [[script] [debug exists flush help kill load show]]
    [[slowlog] [get help len reset]]
    [[xgroup] [create createconsumer delconsumer destroy help setid]]
    [[xinfo] [consumers groups help stream]]
]
var rustredis-values = [
    [[tls-auth-clients-user] [CN URI off]]
    [[acl-pubsub-default] [allchannels resetchannels]]
    [[loglevel] [debug verbose notice warning nothing]]
    [[repl-diskless-load] [disabled on-empty-db swapdb flush-before-load]]
    [[appendfsync] [everysec always no]]
    [[propagation-error-behavior] [ignore panic panic-on-replicas]]
    [[cluster-preferred-endpoint-type] [ip hostname unknown-endpoint]]
    [[log-timestamp-format] [legacy iso8601 milliseconds]]
    [[log-format] [legacy logfmt json]]
    [[sanitize-dump-payload] [no yes clients]]
    [[enable-protected-configs enable-debug-command enable-module-command] [no yes local]]
    [[tls-auth-clients] [no yes optional]]
    [[oom-score-adj] [no yes relative absolute]]
    [[rdb-version-check] [strict relaxed]]
    [[cluster-config-save-behavior] [sync best-effort]]
    [[supervised] [upstart systemd auto no]]
    [[syslog-facility] [user local0 local1 local2 local3 local4 local5 local6 local7]]
    [[field-expiry-format] [valkey-9 redis-7.4]]
    [[maxmemory-policy] [volatile-lru volatile-lfu volatile-random volatile-ttl allkeys-lru allkeys-lfu allkeys-random noeviction]]
    [[protected-mode mptcp repl-mptcp tls-cluster tls-prefer-server-ciphers tls-replication tls-session-caching metrics-page daemonize syslog-enabled always-show-logo set-proc-title disable-thp hide-user-data-from-log dynamic-hz crash-log-enabled crash-memcheck-enabled extended-redis-compatibility lazyfree-lazy-eviction lazyfree-lazy-expire lazyfree-lazy-server-del lazyfree-lazy-user-del lazyfree-lazy-user-flush activerehashing activedefrag jemalloc-bg-thread import-mode rdbcompression rdbchecksum rdb-save-incremental-fsync rdb-del-sync-files stop-writes-on-bgsave-error appendonly no-appendfsync-on-rewrite aof-load-truncated aof-use-rdb-preamble aof-timestamp-enabled aof-rewrite-incremental-fsync replica-serve-stale-data replica-read-only replica-ignore-maxmemory replica-ignore-disk-write-errors replica-lazy-flush replica-announced repl-diskless-sync repl-disable-tcp-nodelay dual-channel-replication-enabled latency-tracking cluster-enabled cluster-allow-pubsubshard-when-down cluster-allow-reads-when-down cluster-allow-replica-migration cluster-replica-no-failover cluster-require-full-coverage cluster-slot-stats-enabled] [yes no]]
]
var rustredis-directives = [acl-pubsub-default aclfile acllog-max-len active-defrag-cycle-max active-defrag-cycle-min active-defrag-cycle-us active-defrag-ignore-bytes active-defrag-max-scan-fields active-defrag-threshold-lower active-defrag-threshold-upper active-expire-effort activedefrag activerehashing always-show-logo aof-load-truncated aof-rewrite-cpulist aof-rewrite-incremental-fsync aof-timestamp-enabled aof-use-rdb-preamble appenddirname appendfilename appendfsync appendonly auto-aof-rewrite-min-size auto-aof-rewrite-percentage availability-zone bgsave-cpulist bind bind-source-addr bio-cpulist busy-reply-threshold client-output-buffer-limit client-query-buffer-limit cluster-allow-pubsubshard-when-down cluster-allow-reads-when-down cluster-allow-replica-migration cluster-announce-bus-port cluster-announce-client-ipv4 cluster-announce-client-ipv6 cluster-announce-client-port cluster-announce-client-tls-port cluster-announce-hostname cluster-announce-human-nodename cluster-announce-ip cluster-announce-port cluster-announce-tls-port cluster-blacklist-ttl cluster-compatibility-sample-ratio cluster-config-file cluster-config-save-behavior cluster-databases cluster-enabled cluster-link-sendbuf-limit cluster-manual-failover-timeout cluster-migration-barrier cluster-node-timeout cluster-port cluster-preferred-endpoint-type cluster-replica-no-failover cluster-replica-validity-factor cluster-require-full-coverage cluster-slot-migration-log-max-len cluster-slot-stats-enabled commandlog-large-reply-max-len commandlog-large-request-max-len commandlog-reply-larger-than commandlog-request-larger-than crash-log-enabled crash-memcheck-enabled daemonize databases dbfilename dir disable-thp dual-channel-replication-enabled dynamic-hz enable-debug-command enable-module-command enable-protected-configs extended-redis-compatibility field-expiry-format hash-max-listpack-entries hash-max-listpack-value hash-seed hide-user-data-from-log hll-sparse-max-bytes hz ignore-warnings import-mode io-threads jemalloc-bg-thread latency-monitor-threshold latency-tracking latency-tracking-info-percentiles lazyfree-lazy-eviction lazyfree-lazy-expire lazyfree-lazy-server-del lazyfree-lazy-user-del lazyfree-lazy-user-flush lfu-decay-time lfu-log-factor list-compress-depth list-max-listpack-size locale-collate log-format log-timestamp-format logfile loglevel masterauth masteruser max-new-connections-per-cycle max-new-tls-connections-per-cycle maxclients maxmemory maxmemory-clients maxmemory-eviction-tenacity maxmemory-policy maxmemory-samples metrics-page metrics-port min-replicas-max-lag min-replicas-to-write mptcp no-appendfsync-on-rewrite notify-keyspace-events oom-score-adj oom-score-adj-values pidfile port prefetch-batch-max-size proc-title-template propagation-error-behavior protected-mode proto-max-bulk-len rdb-del-sync-files rdb-save-incremental-fsync rdb-version-check rdbchecksum rdbcompression rdma-bind rdma-completion-vector rdma-port rdma-rx-size repl-backlog-size repl-backlog-ttl repl-disable-tcp-nodelay repl-diskless-load repl-diskless-sync repl-diskless-sync-delay repl-diskless-sync-max-replicas repl-mptcp repl-ping-replica-period repl-timeout replica-announce-ip replica-announce-port replica-announced replica-full-sync-buffer-limit replica-ignore-disk-write-errors replica-ignore-maxmemory replica-lazy-flush replica-priority replica-read-only replica-serve-stale-data replicaof requirepass sanitize-dump-payload save server-cpulist set-max-intset-entries set-max-listpack-entries set-max-listpack-value set-proc-title shutdown-on-sigint shutdown-on-sigterm shutdown-timeout slot-migration-max-failover-repl-bytes slowlog-log-slower-than slowlog-max-len socket-mark-id stop-writes-on-bgsave-error stream-node-max-bytes stream-node-max-entries supervised syslog-enabled syslog-facility syslog-ident tcp-backlog tcp-keepalive threads timeout tls-auth-clients tls-auth-clients-user tls-auto-reload-interval tls-ca-cert-dir tls-ca-cert-file tls-cert-file tls-ciphers tls-ciphersuites tls-client-cert-file tls-client-key-file tls-client-key-file-pass tls-cluster tls-dh-params-file tls-key-file tls-key-file-pass tls-port tls-prefer-server-ciphers tls-protocols tls-replication tls-session-cache-size tls-session-cache-timeout tls-session-caching tracking-table-max-keys unixsocket unixsocketgroup unixsocketperm zset-max-listpack-entries zset-max-listpack-value]

fn rustredis-of {|name rows|
    for row $rows {
        if (has-value $row[0] $name) {
            all $row[1]
        }
    }
}

set edit:completion:arg-completer[rustredis] = {|@words|
    var said = []
    var skip = $false
    if (or (< (count $words) 3) (not-eq $words[1] cli)) {
        $rustredis-flags $@words
    } else {
        for word $words[2..-1] {
            if $skip {
                set skip = $false
            } elif (> (count $said) 0) {
                set said = [$@said $word]
            } elif (has-value [-h -p -s -u -n -t -a --pass --user --sni --cacert --cacertdir --cert --key --tls-ciphers --tls-ciphersuites -r -i -X --eval -d -D --show-pushes --view --intrinsic-latency --lru-test --top --save --rdb --functions-rdb --pattern --quoted-pattern --count --type --cursor --memkeys-samples --keystats-samples -top --pipe-timeout --import --del-match --expire-match --rate --journal --resume --undo --cluster --cluster-replicas --cluster-master-id --cluster-from --cluster-from-user --cluster-from-pass --cluster-to --cluster-slots --cluster-timeout --cluster-pipeline --cluster-weight --cluster-threshold] $word) {
                set skip = $true
            } elif (not (or (eq $word '') (re:match '^[-@]|://' $word))) {
                set said = [$word]
            }
        }
        var count = (count $said)
        if $skip {
            edit:complete-filename $@words
        } elif (== $count 0) {
            if (str:has-prefix $words[-1] -) {
                $rustredis-flags rustredis cli $words[-1]
            } else {
                put acl append asking auth bgrewriteaof bgsave bitcount bitfield bitfield_ro bitop bitpos blmove blmpop blpop brpop brpoplpush bzmpop bzpopmax bzpopmin client cluster command commandlog config copy dbsize debug decr decrby del delex delifeq digest discard dump echo eval eval_ro evalsha evalsha_ro exec exists expire expireat expiretime failover fcall fcall_ro flushall flushdb function geoadd geodist geohash geopos georadius georadius_ro georadiusbymember georadiusbymember_ro geosearch geosearchstore get getbit getdel getex getrange getset hdel hello hexists hexpire hexpireat hexpiretime hget hgetall hgetdel hgetex hincrby hincrbyfloat hkeys hlen hmget hmset hpersist hpexpire hpexpireat hpexpiretime hpttl hrandfield hscan hset hsetex hsetnx hstrlen httl hvals incr incrby incrbyfloat info keys lastsave latency lcs lindex linsert llen lmove lmpop lolwut lpop lpos lpush lpushx lrange lrem lset ltrim memory mget migrate module monitor move mset msetex msetnx multi object persist pexpire pexpireat pexpiretime pfadd pfcount pfdebug pfmerge pfselftest ping psetex psubscribe psync pttl publish pubsub punsubscribe quit randomkey readonly readwrite rename renamenx replconf replicaof reset restore restore-asking role rpop rpoplpush rpush rpushx sadd save scan scard script sdiff sdiffstore select set setbit setex setnx setrange shutdown sinter sintercard sinterstore sismember slaveof slowlog smembers smismember smove sort sort_ro spop spublish srandmember srem sscan ssubscribe strlen subscribe substr sunion sunionstore sunsubscribe swapdb sync time touch ttl type unlink unsubscribe unwatch wait waitaof watch xack xackdel xadd xautoclaim xclaim xdel xdelex xgroup xinfo xlen xpending xrange xread xreadgroup xrevrange xsetid xtrim zadd zcard zcount zdiff zdiffstore zincrby zinter zintercard zinterstore zlexcount zmpop zmscore zpopmax zpopmin zrandmember zrange zrangebylex zrangebyscore zrangestore zrank zrem zremrangebylex zremrangebyrank zremrangebyscore zrevrange zrevrangebylex zrevrangebyscore zrevrank zscan zscore zunion zunionstore
            }
        } elif (== $count 1) {
            rustredis-of (str:to-lower $said[0]) $rustredis-subcommands
        } elif (eq (str:to-lower $said[0]) config) {
            var second = (str:to-lower $said[1])
            if (or (eq $second get) (and (eq $second set) (== (% $count 2) 0))) {
                put $@rustredis-directives
            } elif (eq $second set) {
                rustredis-of $said[-1] $rustredis-values
            }
        }
    }
}
