"""One thing that somebody made to do harm."""


class Attack:
    """`prepare(root)` writes what is needed below a world and gives the words of the command. `refused`: it must not end
    with 0. `makes`: files beside the environment that the command is to make. `tampers`: it is the environment.
    `variables`: set for the command."""

    def __init__(self, name, prepare, refused=False, makes=(), tampers=False, variables=None):
        self.name, self.prepare, self.refused, self.makes, self.tampers = name, prepare, refused, makes, tampers
        self.variables = variables or {}
