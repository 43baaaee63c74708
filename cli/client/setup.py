"""Commands for profiles: login and profile."""

import getpass
import sys
from typing import Annotated

import typer

from cli.client.errors import DONE, WrongUsage
from cli.client.profiles import Profile, Profiles, checked
from cli.client.session import AsJson, session
from cli.terminal import Output


def login(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="The profile's name.")] = "default",
    url: Annotated[str | None, typer.Option(help="The address of the service, such as https://host.")] = None,
    project: Annotated[str | None, typer.Option(help="The project's key.")] = None,
) -> int:
    """Save a service, a project and a key as a profile, after a call that shows that they fit.

    The key is asked for, or read from the input, and never an argument: other users of a machine can read arguments.
    """
    run, output = session(context), Output(as_json=False)
    profiles = Profiles(run.environment)
    url, project = url or _ask("Address of the service"), project or _ask("Key of the project")
    profile = checked(url, project, _secret(output), f"profile {name}")
    run.service(profile).read("/jobs", limit=1)
    profiles.put(name, profile)
    output.note(f"Saved as profile {name}, which is now the default: {profiles.path}")
    return DONE


def profile(
    context: typer.Context,
    use: Annotated[str | None, typer.Option(metavar="NAME", help="Make this profile the default.")] = None,
    as_json: AsJson = None,
) -> int:
    """Say which service is used and which profiles there are, or change the default. Keys are never shown."""
    run, output = session(context), Output(as_json=as_json)
    profiles = Profiles(run.environment)
    if use is not None:
        profiles.use(use)
        output.note(f"{use} is now the default")
        return DONE
    used = run.resolved()
    if output.json:
        listed = {name: _shown(profiles.get(name)) for name in profiles}
        output.item({"used": _shown(used) | {"source": used.source}, "default": profiles.default, "profiles": listed})
        return DONE
    output.screen.print(f"Used: {used.source}, {used.url}, project {used.project}", soft_wrap=True)
    for name in profiles:
        other = profiles.get(name)
        output.screen.print(f"Profile {name}: {other.url}, project {other.project}", soft_wrap=True)
    return DONE


def _shown(of: Profile) -> dict[str, str]:
    return {"url": of.url, "project": of.project}


def _ask(what: str) -> str:
    if not sys.stdin.isatty():
        raise WrongUsage("say --url and --project, and give the key on the input")
    sys.stderr.write(f"{what}: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def _secret(output: Output) -> str:
    return getpass.getpass("API key: ") if output.asks else sys.stdin.readline().strip()
