"""Who may include whom: the layer diagram of CMakeLists.txt, held against every #include."""

import re

ADD_LAYER = re.compile(
    r"^add_layer\(\s*(\w+)\s+USES\s+([^)]*?)(?:\s+(?:LIBRARIES|HIDDEN)\s+([^)]*))?\)", re.M
)
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')

# The library whose target a layer has to name before it may include such a header.
LIBRARY_OF_HEADER = [
    ("simdjson.h", "simdjson::simdjson"),
    ("oniguruma.h", "PkgConfig::oniguruma"),
    ("hwy/", "hwy::hwy"),
]
LAYERS_OF_HEADER = [
    (
        ("immintrin.h", "x86intrin.h", "arm_neon.h", "arm_sve.h"),
        {"kernels"},
        "SIMD stays in kernels",
    ),
    (("mpi.h",), {"parallel"}, "MPI stays in parallel"),
    (("iostream",), {"cli", "server"}, "only cli and server speak to the outside"),
    (("CLI/",), {"cli"}, "command lines stay in cli"),
]


def read_layers(tree):
    """{layer: (layers it may include, libraries it names)} as CMakeLists.txt says."""
    text = (tree.root / "CMakeLists.txt").read_text(encoding="utf-8")
    layers = {}
    for name, uses, libraries in ADD_LAYER.findall(text):
        layers[name] = (set(uses.split()) - {"NONE"} | {name}, set(libraries.split()))
    layers["cli"] = (set(layers) | {"cli"}, {"CLI11::CLI11"})
    return layers


def includes_of(file):
    for number, line in enumerate(file.lines, 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1) == '"', match.group(2)


def check_own_include(tree, file, layers, number, header):
    first = header.split("/")[0]
    if first in ("tests", "benchmarks", "fuzz"):
        if file.folders[0] != first or not tree.exists(header):
            yield file.finding(
                "include", number, f'"{header}" is no file that {file.folders[0]}/ may include'
            )
        return
    if not tree.exists("src/" + header):
        yield file.finding("include", number, f'"{header}" is no file under src/')
        return
    if file.folders[0] == "src" and first not in layers[file.folders[1]][0]:
        yield file.finding(
            "layer",
            number,
            f"{file.folders[1]} may not include {first} (see add_layer in CMakeLists.txt)",
        )


def check_library_include(file, layers, number, header):
    layer = file.folders[1]
    for prefix, library in LIBRARY_OF_HEADER:
        if header.startswith(prefix) and library not in layers[layer][1]:
            yield file.finding(
                "layer", number, f"{layer} includes <{header}> without naming {library}"
            )
    for prefixes, allowed, reason in LAYERS_OF_HEADER:
        if layer not in allowed and any(
            header == p or p.endswith("/") and header.startswith(p) for p in prefixes
        ):
            yield file.finding("layer", number, f"{layer} includes <{header}>: {reason}")


def includes_follow_the_layers(tree):
    layers = read_layers(tree)
    for file in tree.cpp_files():
        in_layer = len(file.folders) > 1 and file.folders[0] == "src"
        if in_layer and file.folders[1] not in layers:
            yield file.finding(
                "layer", 0, f"src/{file.folders[1]} has no add_layer in CMakeLists.txt"
            )
            continue
        for number, is_own, header in includes_of(file):
            if is_own and not header.startswith("hwy/"):
                yield from check_own_include(tree, file, layers, number, header)
            elif in_layer:
                yield from check_library_include(file, layers, number, header)


def layer_diagram_has_no_cycle(tree):
    layers = read_layers(tree)
    known = set()
    for name, (uses, _) in layers.items():
        for used in sorted(uses - {name} - known):
            message = f"add_layer({name}) uses {used}, which is not defined above it"
            yield next(f for f in tree.files if f.path == "CMakeLists.txt").finding(
                "layer", 0, message
            )
        known.add(name)


ARCHITECTURE = "docs/architecture.md"
ARROW = re.compile(r"^\s*(\w+) --> (\w+)\s*$")


def drawn_layers_are_those_of_the_build(tree):
    """The arrows of the diagram are the USES of add_layer; those of cli are drawn in part."""
    for file in tree.files:
        if file.path != ARCHITECTURE:
            continue
        layers = read_layers(tree)
        drawn = {}
        for number, line in enumerate(file.lines, 1):
            if match := ARROW.match(line):
                drawn[match.groups()] = number
        for (layer, used), number in drawn.items():
            if layer not in layers or used not in layers[layer][0]:
                yield file.finding(
                    "layer", number, f"{layer} does not use {used} in CMakeLists.txt"
                )
        for layer, (uses, _) in layers.items():
            for used in sorted(uses - {layer}) if layer != "cli" else []:
                if (layer, used) not in drawn:
                    yield file.finding("layer", 0, f"the arrow {layer} --> {used} is missing")
