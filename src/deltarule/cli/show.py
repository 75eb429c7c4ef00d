"""`deltarule show`: describe a saved model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from deltarule.cli.option_groups import ModelPath, json_option, option
from deltarule.cli.terminal import print_facts, print_json, print_lines, print_sentence, print_table, say, table_of
from deltarule.errors import OutputError
from deltarule.language import message
from deltarule.models import Model, layer_table
from deltarule.models.card import ModelCard
from deltarule.models.ensemble import Ensemble, load_predictor
from deltarule.regular_files import encoded, reason
from deltarule.training.folder import MODEL, check_free, model_path
from deltarule.writing import write_whole


def show(
    model_file: ModelPath,
    picture: Annotated[
        Path | None, option("--picture", "File for a diagram of the network: .png, .svg or .pdf.", metavar="FILE")
    ] = None,
    markdown: Annotated[
        bool, option("--markdown", "Print the model card as Markdown, with the metadata of the Hugging Face Hub.")
    ] = False,
    card_folder: Annotated[
        Path | None,
        option(
            "--card",
            "New or empty folder for the model and its card, README.md, ready for the Hugging Face Hub.",
            metavar="FOLDER",
        ),
    ] = None,
    as_json: Annotated[bool, json_option()] = False,
) -> None:
    """Show a model: its layers, how it was trained, its scores with intervals, and the diagnosis.

    Examples:

    \b
    deltarule show runs/digits-1
    deltarule show runs/digits-1 --picture network.svg
    deltarule show runs/digits-1 --card digits-model
    """  # noqa: D301, D412 - Typer does not join the lines after \b
    path = model_path(model_file)
    loaded = load_predictor(path)
    model = loaded.networks[0] if isinstance(loaded, Ensemble) else loaded
    card = loaded.card()
    if picture is not None:
        _draw(model, picture)
    if card_folder is not None:
        _write_card(loaded, card, card_folder)
        return
    if markdown:
        print_lines(card.markdown().splitlines())
        return
    if as_json:
        print_json(_data(loaded, model))
        return
    print_table(table_of(card.layers.columns, card.layers.rows, numbers=("Parameters",)))
    print_lines([""])
    print_facts(card.facts)
    if card.scores.rows:
        print_lines([""])
        print_table(table_of(card.scores.columns, card.scores.rows, numbers=("Samples", *card.scores.columns[3:])))
    if card.record.diagnosis:
        print_lines([""])
    for sentence in card.record.diagnosis:
        print_sentence(sentence)


def _data(loaded: Model | Ensemble, model: Model) -> dict[str, Any]:
    """Return what `--json` prints of a file, and of the network that stands for it."""
    layers = [
        {"name": name, "inputs": weights.shape[0], "units": weights.shape[1], "activation": activation}
        | {"parameters": parameters}
        for (name, _, activation, parameters), weights in zip(_of_layers(model), model.weights, strict=True)
    ]
    return {
        "layers": layers,
        "sizes": list(model.sizes),
        "parameters": sum(parameters for *_, parameters in layer_table(model)),
        "input_shape": list(model.input_shape),
        "classes": None if model.classes is None else model.classes.tolist(),
        "encoding": None if model.encoding is None else model.encoding.to_json(),
        "class_names": None if model.class_names is None else list(model.class_names),
        "recipe": model.recipe.to_json(),
        "record": None if model.record is None else model.record.to_json(),
        **_of_ensemble(loaded),
    }


def _write_card(loaded: Model | Ensemble, card: ModelCard, path: Path) -> None:
    """Write the model and its card into a new folder."""
    folder = check_free(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError("a folder for the model", f"{folder}: {reason(error)}") from error
    loaded.save(folder / MODEL)
    write_whole(folder / "README.md", encoded(card.markdown()))
    say(message("The model and its card are in {folder}: {names}.", folder=folder, names=f"{MODEL}, README.md"))


def _of_layers(model: Model) -> list[tuple[str, str, str, int]]:
    """Return the rows of the layers, without that of the inputs."""
    return layer_table(model)[-len(model.layers) :]


def _of_ensemble(loaded: Model | Ensemble) -> dict[str, Any]:
    """Return the JSON of what an ensemble has beside its first network; nothing for a single network."""
    if not isinstance(loaded, Ensemble):
        return {}
    samples = len(loaded.scores)
    return {"networks": len(loaded.networks), "temperature": loaded.temperature, "out_of_fold_samples": samples}


def _draw(model: Model, path: Path) -> None:
    """Write the diagram of a network, with its weights."""
    from deltarule.figures.network import network_picture
    from deltarule.figures.style import save

    hidden = (f"{name.capitalize()}\n{activation}" for name, _, activation, _ in _of_layers(model))
    save(network_picture(model.sizes, ["Input", *hidden], model.weights), path)
    say(message("The diagram is in {path}.", path=path))
