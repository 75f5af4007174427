"""How a network learns: its player, its optimizer, several updates a step."""
