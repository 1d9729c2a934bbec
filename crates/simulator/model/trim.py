#!/usr/bin/env python3
"""Makes `cognito-idp.json` from botocore's model of the Cognito user pools API.

    pip download botocore==1.44.5 --no-deps -d /some/folder
    python3 crates/simulator/model/trim.py /some/folder/botocore-1.44.5-py3-none-any.whl

botocore is Apache-2.0, (c) Amazon.com, Inc. Kept: the operations that the table in `src/operations.rs` lists, the
shapes that their requests and answers reach, and the names of all other operations, so that an operation that exists
but is not simulated can be told from one that does not exist. Documentation is dropped.
"""

import gzip
import json
import pathlib
import re
import sys
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
MEMBER = "botocore/data/cognito-idp/2016-04-18/service-2.json.gz"
KEPT = ("type", "required", "min", "max", "pattern", "enum", "sensitive", "document")


def shape_references(shape):
    yield from (member["shape"] for member in shape.get("members", {}).values())
    yield from (shape[part]["shape"] for part in ("member", "key", "value") if part in shape)


def trimmed_shape(shape):
    out = {key: shape[key] for key in KEPT if key in shape}
    if "members" in shape:
        out["members"] = {name: member["shape"] for name, member in shape["members"].items()}
    out.update({part: shape[part]["shape"] for part in ("member", "key", "value") if part in shape})
    return out


def main(wheel):
    model = json.loads(gzip.decompress(zipfile.ZipFile(wheel).read(MEMBER)))
    table = (HERE.parent / "src" / "operations.rs").read_text()
    wanted = sorted(set(re.findall(r'\bop\(\s*"(\w+)"', table)))
    operations, queue, shapes = {}, [], {}
    for name in wanted:
        operation = model["operations"][name]
        entry = {"errors": [error["shape"] for error in operation.get("errors", [])]}
        for side in ("input", "output"):
            if side in operation:
                entry[side] = operation[side]["shape"]
                queue.append(entry[side])
        if operation.get("authtype") == "none":
            entry["unsigned"] = True
        operations[name] = entry
    while queue:
        name = queue.pop()
        if name not in shapes:
            shapes[name] = trimmed_shape(model["shapes"][name])
            queue.extend(shape_references(model["shapes"][name]))
    document = {
        "source": f"{pathlib.Path(wheel).name} {MEMBER}",
        "target_prefix": model["metadata"]["targetPrefix"],
        "operations": operations,
        "other_operations": sorted(set(model["operations"]) - set(operations)),
        "shapes": dict(sorted(shapes.items())),
    }
    lines = ["{"]
    lines += [f' "{key}": {json.dumps(document[key])},' for key in ("source", "target_prefix", "other_operations")]
    for key, comma in (("operations", ","), ("shapes", "")):
        rows = ",\n".join(f'  "{name}": {json.dumps(value)}' for name, value in document[key].items())
        lines += [f' "{key}": {{', rows, f" }}{comma}"]
    lines.append("}")
    (HERE / "cognito-idp.json").write_text("\n".join(lines) + "\n")
    print(f"{len(operations)} operations, {len(shapes)} shapes")


if __name__ == "__main__":
    main(sys.argv[1])
