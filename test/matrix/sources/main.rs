mod work;

fn main() {
    let arguments = std::env::args().count() as i32;
    std::process::exit(work::work(arguments));
}
