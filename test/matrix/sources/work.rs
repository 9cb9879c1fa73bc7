// The subject's work, in Rust: panics that unwind, thread-local storage, and the C part.
use std::cell::Cell;
use std::panic::{catch_unwind, resume_unwind};

extern "C" {
    fn work_in_c(argc: i32) -> i32;
}

thread_local! {
    static LOCAL: Cell<i32> = Cell::new(17);
}

#[no_mangle]
pub extern "C" fn work(argc: i32) -> i32 {
    let caught = catch_unwind(|| -> i32 { resume_unwind(Box::new(LOCAL.with(|cell| cell.get()))) });
    let value = *caught.unwrap_err().downcast::<i32>().unwrap();
    let other = std::thread::spawn(move || LOCAL.with(|cell| cell.get()) + value).join().unwrap();
    println!("rust {} {}", value, other);
    unsafe { work_in_c(argc) }
}
