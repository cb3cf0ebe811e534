"""devbox model ls, show, compare, card, verify, lineage."""

from __future__ import annotations

import click

from devbox.cli.complete import complete_model
from devbox.cli.model.printing import (
    print_call,
    print_comparison,
    print_models,
    print_verification,
    print_version,
    print_versions,
)
from devbox.cli.output import json_option, print_json
from devbox.errors import EXIT_FAILED, EXIT_OK, UsageError


@click.command("ls")
@click.argument("name", default="", shell_complete=complete_model)
@click.option("-w", "--where", default="", help='A condition: "metrics.auc > 0.9".')
@click.option(
    "-s", "--sort", "--order-by", "order_by", default="", help='A field: "metrics.auc desc".'
)
@click.option("-n", "--last", type=click.IntRange(1), default=20, help="At most so many.")
@click.option("--models", "of_models", is_flag=True, help="One line for each model.")
@click.option("-q", "--quiet", is_flag=True, help="Print only references: churn@3.")
@json_option
def ls(
    name: str, where: str, order_by: str, last: int, of_models: bool, quiet: bool, as_json: bool
) -> None:
    """List model versions, newest first; those of one model, if named.

    A condition compares metrics.KEY, params.KEY (of its run), tags.KEY, name, version, alias,
    user, created, run or description with a number or a text in quotes; with and, or, not, like,
    in.

    \b
    Example:
      devbox model ls
      devbox model ls churn --sort "metrics.auc desc"
      devbox model ls --where "metrics.auc > 0.9 and tags.task = 'fraud'" --json
      devbox model ls --models
    """
    from devbox.api import Devbox

    if of_models:
        if name or where or order_by:
            raise UsageError("--models lists all models.", hint="devbox model ls --models")
        with Devbox() as door:
            models = door.models.models()
        if as_json:
            print_json(models)
        elif quiet:
            for each in models:
                click.echo(each.name)
        else:
            print_models(models)
        return
    with Devbox() as door:
        if name:
            door.models.model(name)
        found = door.models.ls(where, order_by=order_by, limit=last, name=name)
    if as_json:
        print_json(found)
    elif quiet:
        for version in found:
            click.echo(version.ref)
    else:
        print_versions(found)


@click.command("show")
@click.argument("ref", shell_complete=complete_model)
@json_option
def show(ref: str, as_json: bool) -> None:
    """Show all that is known of a version: the checklist of its eight slots, files, run, aliases.

    \b
    Example:
      devbox model show churn@champion
      devbox model show churn@3 --json
    """
    from devbox.api import Devbox
    from devbox.models.slots import checklist

    with Devbox() as door:
        version = door.models.get(ref)
        states = checklist(version.slots, version.files, version.tags)
        of = door.models.model(version.model)
    if as_json:
        fields = {name: getattr(version, name) for name in version.__dataclass_fields__}
        print_json({"ref": version.ref, **fields, "checklist": states, "registered_model": of})
    else:
        print_version(version, states, of)


@click.command("compare")
@click.argument(
    "refs", nargs=-1, required=True, metavar="REF REF...", shell_complete=complete_model
)
@click.option("--all", "every", is_flag=True, help="What is the same in all, too.")
@json_option
def compare(refs: tuple[str, ...], every: bool, as_json: bool) -> None:
    """Show side by side in what versions differ: params, metrics, tags, slots, files.

    \b
    Example:
      devbox model compare churn@2 churn@3
      devbox model compare churn@champion churn@challenger --json
    """
    from devbox.api import Devbox

    if len(refs) < 2:
        raise UsageError("Name at least two versions.", hint="devbox model compare REF REF")
    with Devbox() as door:
        found = door.models.compare(refs, every=every)
    if as_json:
        print_json(found)
    else:
        print_comparison(found)


@click.command("card")
@click.argument("ref", shell_complete=complete_model)
@json_option
def card(ref: str, as_json: bool) -> None:
    """Print the model card: Markdown with the metadata block that Hugging Face reads.

    \b
    Example:
      devbox model card churn@champion > README.md
    """
    from devbox.api import Devbox

    with Devbox() as door:
        text = door.models.card(ref)
    if as_json:
        print_json({"ref": ref, "card": text})
    else:
        click.echo(text, nl=False)


@click.command("verify")
@click.argument("ref", shell_complete=complete_model)
@click.option("--run", "call", is_flag=True, help="Load it in a container and call it, too.")
@click.option("--image", default="", help="The container's image; the one it was made in.")
@click.option("--trusted", multiple=True, help="A type that its skops file may hold.")
@click.option("--allow-pickle", is_flag=True, help="Load joblib and pickle files there.")
@click.option("--timeout", type=click.FloatRange(1), help="Seconds for loading and calling.")
@json_option
@click.pass_context
def verify(
    context: click.Context,
    ref: str,
    call: bool,
    image: str,
    trusted: tuple[str, ...],
    allow_pickle: bool,
    timeout: float | None,
    as_json: bool,
) -> None:
    """Read every file of a version again; ends with 1 where one is missing or damaged.

    --run also calls it with its recorded example, in a throw-away container without network, and
    ends with 1 where something else comes out than was recorded.

    \b
    Example:
      devbox model verify churn@champion
      devbox model verify churn@champion --run
      devbox model verify churn@3 --run --trusted sklearn.tree._tree.Tree
    """
    from devbox.api import Devbox

    called = None
    with Devbox() as door:
        found = door.models.verify(ref)
        ok = found.ok
        if call and ok:
            called = door.call_model(
                ref, image=image, trusted=trusted, allow_pickle=allow_pickle, timeout=timeout
            )
            ok = called.ok
    if as_json:
        said = {"model": found.model, "version": found.version, "ok": ok, "files": found.files}
        print_json(said | ({"called": called} if call else {}))
    else:
        print_verification(found)
        if called:
            print_call(called)
    context.exit(EXIT_OK if ok else EXIT_FAILED)


@click.command("lineage")
@click.argument("ref", shell_complete=complete_model)
@click.option("--dot", is_flag=True, help="Print it for Graphviz.")
@json_option
def lineage(ref: str, dot: bool, as_json: bool) -> None:
    """Show what a version was made from: runs, commit, environment, data.

    \b
    Example:
      devbox model lineage churn@champion
      devbox model lineage churn@3 --dot | dot -Tsvg > lineage.svg
    """
    from devbox.api import Devbox
    from devbox.models import lineage as drawn

    if dot and as_json:
        raise UsageError("--dot and --json are two ways to print it.", hint="Leave one out.")
    with Devbox() as door:
        graph = door.models.lineage(ref)
    if as_json:
        print_json(graph)
    elif dot:
        click.echo(drawn.dot(graph))
    else:
        for line in drawn.tree(graph):
            click.echo(line)
