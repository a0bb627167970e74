"""One module a package manager, each with `fetch(names, archives) -> list[Package]`; nothing fetched is ever run."""
