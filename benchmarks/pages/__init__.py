"""How long the pages take on the server, and how long a call takes to move an open page's figure."""
