vhost "any" {
  backend = "app
}
