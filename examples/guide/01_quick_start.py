"""Quick start: make a client, and see what the plane takes.

python examples/guide/01_quick_start.py
"""

from jobforge.client import JobForgeClient


def main() -> None:
    """Lists the templates; JOBFORGE_URL and JOBFORGE_QUERY_URL say where the plane is, else it is this machine."""
    with JobForgeClient() as jobforge:
        for template in jobforge.list_templates():
            summary = template.description.partition("\n")[0]
            print(f"{template.template_key:32} {'on ' if template.enabled else 'off'} {summary}")


if __name__ == "__main__":
    main()
