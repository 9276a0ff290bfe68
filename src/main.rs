#[global_allocator]
static ALLOC: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let get =
        |n: &str| args.iter().position(|a| a == n).and_then(|i| args.get(i + 1)).and_then(|v| v.parse::<usize>().ok());
    rustredis::server::boot::quick(get("--port").unwrap_or(6380) as u16, get("--threads").unwrap_or(1))
}
