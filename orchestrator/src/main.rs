//! The program `ixporch`.

fn main() -> std::process::ExitCode {
    ixporch::cli::main()
}
