"""Where calls come in: the listening socket, the client's side of a connection, and the answers we give ourselves."""
