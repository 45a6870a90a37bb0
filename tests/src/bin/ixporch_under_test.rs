//! The program `ixporch`, built with the tests.

fn main() -> std::process::ExitCode {
    ixporch::cli::main()
}
