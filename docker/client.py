"""Sends pictures to a served model and writes the photograph that it answers with. Needs nothing but Python.

python docker/client.py --label_map=label.png --instance_map=ids.png --output=photograph.png
python docker/client.py --source=thermal.png --output=photograph.png
"""

import argparse
import base64
import json
import sys
import urllib.error
import urllib.request
from pathlib import Path

INPUTS = ("label_map", "instance_map", "source")


def request(inputs, seed=None):
    """The body of a request.

    Args:
        inputs: Dict of name -> bytes of a picture's file.
        seed: Integer, for a model with styles, or `None`.

    Returns:
        Bytes, JSON.
    """
    values = {name: [{"b64": base64.b64encode(content).decode()}] for name, content in inputs.items()}
    if seed is not None:
        values["seed"] = [seed]
    return json.dumps({"signature_name": "serve_png", "inputs": values}).encode()


def picture(body):
    """The PNG in an answer, bytes: in base64; of models exported when the output was `png`, as they are."""
    (first,) = json.loads(body.decode("latin-1"))["outputs"]
    return base64.b64decode(first["b64"]) if isinstance(first, dict) else first.encode("latin-1")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in INPUTS:
        parser.add_argument(f"--{name}", type=Path, help="a picture's file")
    parser.add_argument("--seed", type=int, help="of the styles, where the model has some")
    parser.add_argument("--output", type=Path, required=True, help="the PNG to write")
    parser.add_argument("--url", default="http://localhost:8501/v1/models/hdsynth", help="of the model")
    asked = parser.parse_args()
    inputs = {name: getattr(asked, name).read_bytes() for name in INPUTS if getattr(asked, name)}
    if not inputs:
        parser.error("give --label_map, with or without --instance_map, or --source")
    headers = {"Content-Type": "application/json"}
    question = urllib.request.Request(f"{asked.url}:predict", request(inputs, asked.seed), headers)
    try:
        with urllib.request.urlopen(question, timeout=600) as answer:
            asked.output.write_bytes(picture(answer.read()))
    except urllib.error.HTTPError as error:
        sys.exit(f"Error: the server refused: {error.read().decode(errors='replace')}")
    except urllib.error.URLError as error:
        sys.exit(f"Error: {asked.url} does not answer: {error.reason}")
    print(f"Written: {asked.output}")


if __name__ == "__main__":
    main()
