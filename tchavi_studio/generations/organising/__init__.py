"""What people make of clips: favourites, stars, tags and collections."""
