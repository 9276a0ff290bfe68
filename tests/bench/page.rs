//! What is looked at: the view of a terminal in a pseudo-terminal, the page of charts in a real browser.

use super::{
    common::{self, Kind, Server, find, pty::Pty, server::on_path},
    ours,
};
use std::process::Command;

#[test]
fn a_terminal_shows_a_view_and_keeps_only_the_report() {
    // For long enough that there are two pictures.
    super::common::in_one_of(4, |n| {
        let server = Server::rustredis();
        let mut command = Command::new(find(Kind::Rustredis).expect("our own binary"));
        command.args([
            "bench",
            "-p",
            &server.port.to_string(),
            "--test-time",
            &format!("{:.1}", 2.6 * f64::from(n)),
            "-t",
            "get",
            "-c",
            "3",
        ]);
        // Narrow: a line that went on below would stay behind.
        let (seen, well) = Pty::start(command, 24, 60).rest();
        assert!(well);
        let seen = String::from_utf8_lossy(&seen).into_owned();
        let widest = |text: &str| text.split(['\r', '\n']).map(|line| line.chars().count()).max();
        let picture = seen.split("\x1b[J").nth(2).expect("a second picture");
        assert!(widest(picture).is_some_and(|n| n <= 60), "{picture:?}");
        assert!(seen.contains("GET [") && seen.contains("p99") && seen.contains('█'), "{seen}");
        assert!(seen.contains("in the last second") && seen.contains("%"), "{seen}");
        // The last picture is wiped before the report.
        let report = seen.rfind("====== GET ======").expect("a report");
        let wiped = seen.rfind("\x1b[J").expect("a picture that was wiped");
        assert!(wiped < report && !seen[wiped..].contains("GET ["), "{seen}");
        let (_, plain, _) = ours(server.port, "--test-time 0.6 -t get -c 3");
        assert!(!plain.contains('\x1b'), "no view where there is no terminal: {plain}");
    });
}

/// Each chart is drawn, within its frame, and large enough to be looked at; nothing comes from elsewhere.
#[test]
fn the_page_is_drawn_by_a_browser() {
    let Some(chromium) = on_path("chromium") else {
        return common::skip("chromium", "apt-get install chromium");
    };
    let server = Server::rustredis();
    let file = server.dir.join("run.html");
    let line = format!("--ratio 1:2 --rate 2000 --test-time 4.5 -c 5 -q --html {}", file.display());
    let (code, out, err) = ours(server.port, &line);
    assert_eq!(code, Some(0), "{out}{err}");
    let page = std::fs::read_to_string(&file).expect("a page");
    assert!(!page.contains("http") && !page.contains("src=") && !page.contains("<script"), "it needs nothing else");
    // The test's own script measures what the browser made of it.
    let script = "<script>const out=[];for(const s of document.querySelectorAll('svg.chart')){const b=s.getBoundingClientRect();\
        for(const l of s.querySelectorAll('polyline')){const r=l.getBBox();out.push([Math.round(b.width),Math.round(b.height),\
        r.x>=0&&r.y>=-1&&r.x+r.width<=961&&r.y+r.height<=221,Math.round(r.width),l.points.numberOfItems].join(' '))}}\
        document.title=out.join(';');</script></body>";
    let measured = server.dir.join("measured.html");
    std::fs::write(&measured, page.replace("</body>", script)).expect("written");
    let shot = server.dir.join("shot.png");
    let mut command = assert_cmd::Command::new(chromium);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1100,3000"]);
    command.arg(format!("--user-data-dir={}", server.dir.join("profile").display()));
    command
        .arg(format!("--screenshot={}", shot.display()))
        .arg("--dump-dom")
        .arg(format!("file://{}", measured.display()));
    let command = std::cell::RefCell::new(command);
    // A browser may fail to start on a machine that is short of anything.
    let (dom, title) = common::in_one_of(3, |_| {
        let output = command.borrow_mut().timeout(3 * common::PATIENCE).output().expect("a browser");
        let dom = String::from_utf8_lossy(&output.stdout).into_owned();
        let title = dom.split("<title>").nth(1).and_then(|rest| rest.split("</title>").next()).map(str::to_owned);
        let title = title.unwrap_or_else(|| panic!("{dom}\n{}", String::from_utf8_lossy(&output.stderr)));
        (dom, title)
    });
    let lines: Vec<Vec<&str>> = title.split(';').map(|line| line.split(' ').collect()).collect();
    // Requests; p50, p99, max; CPU; memory; response, service, SET, GET.
    assert_eq!(lines.len(), 10, "{title}");
    for line in &lines {
        let number = |at: usize| line[at].parse::<u32>().expect("a number");
        assert!(
            number(0) > 500 && number(1) > 100 && line[2] == "true" && number(3) > 100 && number(4) >= 2,
            "{title}"
        );
    }
    for word in
        ["Requests each second", "Latency each second", "Server's CPU", "Server's memory", "Latency by percentile"]
    {
        assert!(dom.contains(word), "{word}");
    }
}
