"""The references page: everything uploaded, to find, to use again and to delete."""
